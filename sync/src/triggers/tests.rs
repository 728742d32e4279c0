use super::*;

#[tokio::test]
async fn triggers_coalesce_until_they_are_taken() {
    let (puller, mut triggers) = Triggers::channel();
    puller.pull(Trigger::Poll);
    puller.pull(Trigger::Poll);
    puller.clone().pull(Trigger::Drift);
    let fired = triggers.next().await;
    assert_eq!(
        fired.iter().collect::<Vec<_>>(),
        [Trigger::Poll, Trigger::Drift]
    );
    assert!(!fired.contains(Trigger::Signal));
    puller.pull(Trigger::Signal);
    assert_eq!(
        triggers.next().await.iter().collect::<Vec<_>>(),
        [Trigger::Signal]
    );
}

#[tokio::test]
async fn trigger_that_comes_while_nobody_waits_is_not_lost() {
    let (puller, mut triggers) = Triggers::channel();
    let given_up = tokio::time::timeout(Duration::ZERO, triggers.next()).await;
    assert!(given_up.is_err());
    puller.pull(Trigger::Poke);
    assert!(triggers.next().await.contains(Trigger::Poke));
}

#[tokio::test]
async fn poll_fires_every_interval_and_not_before() {
    const INTERVAL: Duration = Duration::from_millis(20);
    let (puller, mut triggers) = Triggers::channel();
    let stop = CancellationToken::new();
    let start = tokio::time::Instant::now();
    let polling = tokio::spawn(poll(INTERVAL, puller, stop.clone()));
    for count in 1..=3 {
        assert!(triggers.next().await.contains(Trigger::Poll));
        assert!(start.elapsed() >= INTERVAL * count);
    }
    stop.cancel();
    polling.await.unwrap();
}

#[tokio::test]
async fn hangup_pulls_the_trigger_for_signals() {
    let (puller, mut triggers) = Triggers::channel();
    let stop = CancellationToken::new();
    let mut listening = Box::pin(hangup(puller, stop.clone()));
    // From its first turn on it listens, and the signal does not end the process.
    assert!(futures::poll!(&mut listening).is_pending());
    let listening = tokio::spawn(listening);
    let own = std::process::id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-HUP", &own])
            .status()
            .unwrap()
            .success()
    );
    assert!(triggers.next().await.contains(Trigger::Signal));
    stop.cancel();
    listening.await.unwrap().unwrap();
}

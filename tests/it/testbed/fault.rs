//! The fault proxy passes everything on, and spoils what it is told to.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use beadlet_testbed::{
    Fault, FaultProxy, Namespace, On, Testbed, eventually,
    fault::{Passed, Wire},
};
use futures::{StreamExt, TryStreamExt, pin_mut};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{PostParams, WatchEvent, WatchParams},
};

use super::{SOON, config_map};

/// A namespace, and a client that sees it through the proxy.
async fn proxied(wire: Wire) -> (Namespace, FaultProxy, Api<ConfigMap>) {
    let namespace = Testbed::shared().await.namespace("fault").await;
    let proxy = FaultProxy::start_on(&namespace.user("proxy"), wire);
    let api = Api::namespaced(proxy.client().await, namespace.name());
    (namespace, proxy, api)
}

async fn create(api: &Api<ConfigMap>, name: &str) -> kube::Result<ConfigMap> {
    api.create(&PostParams::default(), &config_map(name)).await
}

fn code(error: &kube::Error) -> u16 {
    let kube::Error::Api(status) = error else {
        panic!("not an answer of the server: {error}")
    };
    status.code
}

#[tokio::test]
async fn proxy_without_rules_passes_everything_on() {
    for wire in [Wire::Plain, Wire::Tls] {
        let (namespace, proxy, api) = proxied(wire).await;
        create(&api, "one").await.unwrap();
        let watch = api
            .watch(&WatchParams::default().fields("metadata.name=two"), "0")
            .await
            .unwrap();
        create(&api, "two").await.unwrap();
        let names = watch.try_filter_map(async |event| match event {
            WatchEvent::Added(object) => Ok(object.metadata.name),
            _ => Ok(None),
        });
        pin_mut!(names);
        assert_eq!(names.try_next().await.unwrap().as_deref(), Some("two"));
        assert_eq!(
            namespace.api::<ConfigMap>().get("one").await.unwrap().data,
            config_map("one").data
        );
        let verbs: Vec<_> = proxy
            .log()
            .into_iter()
            .map(|passed| (passed.asked.verb, passed.status, passed.fault))
            .collect();
        assert_eq!(
            verbs,
            [
                ("create", Some(201), None),
                ("watch", Some(200), None),
                ("create", Some(201), None)
            ]
        );
    }
}

#[tokio::test]
async fn answer_is_dropped_after_the_server_has_committed() {
    for wire in [Wire::Plain, Wire::Tls] {
        let (namespace, proxy, api) = proxied(wire).await;
        let rule = proxy.rule(
            On::verb("create").of("configmaps").times(1),
            Fault::DropAnswer,
        );
        assert!(!matches!(
            create(&api, "one").await.unwrap_err(),
            kube::Error::Api(_)
        ));
        assert!(namespace.api::<ConfigMap>().get("one").await.is_ok());
        assert_eq!(code(&create(&api, "one").await.unwrap_err()), 409);
        assert_eq!(rule.held(), 1);
    }
}

#[tokio::test]
async fn request_is_dropped_before_the_server_has_seen_it() {
    let (namespace, proxy, api) = proxied(Wire::Plain).await;
    let mark = namespace.testbed().audit().mark().await;
    proxy.rule(
        On::writes().in_namespace(namespace.name()).times(1),
        Fault::DropRequest,
    );
    assert!(create(&api, "one").await.is_err());
    let requests = namespace
        .testbed()
        .audit()
        .since(mark)
        .await
        .in_namespace(namespace.name());
    assert!(
        requests
            .clone()
            .of("configmaps")
            .by(namespace.user("proxy").name())
            .is_empty(),
        "{requests}"
    );
}

#[tokio::test]
async fn statuses_are_answered_as_often_as_the_rule_says() {
    let (_namespace, proxy, api) = proxied(Wire::Plain).await;
    proxy.rule(On::verb("create").nth(1), Fault::status(500));
    proxy.rule(
        On::verb("create").nth(1),
        Fault::too_many_requests(Duration::from_secs(3)),
    );
    assert_eq!(code(&create(&api, "one").await.unwrap_err()), 500);
    let kube::Error::Api(busy) = create(&api, "one").await.unwrap_err() else {
        panic!("not an answer")
    };
    assert_eq!(
        (busy.code, busy.details.unwrap().retry_after_seconds),
        (429, 3)
    );
    create(&api, "one").await.unwrap();
}

#[tokio::test]
async fn watch_is_cut_and_can_be_refused_as_too_old() {
    let (_namespace, proxy, api) = proxied(Wire::Plain).await;
    let watch = api.watch(&WatchParams::default(), "0").await.unwrap();
    pin_mut!(watch);
    create(&api, "one").await.unwrap();
    eventually(SOON, "the watch has begun", async || {
        proxy
            .log()
            .iter()
            .any(|passed| passed.asked.verb == "watch")
    })
    .await;
    proxy.cut_watches();
    // kube takes a broken stream for one that has ended, as at the end of its time.
    while watch.next().await.is_some() {}

    proxy.rule(On::verb("watch").times(1), Fault::TooOld);
    let events: Vec<_> = api
        .watch(&WatchParams::default(), "1")
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert!(matches!(events.as_slice(), [WatchEvent::Error(status)] if status.code == 410));

    proxy.rule(On::verb("watch"), Fault::CutAfterLines(1));
    let events: Vec<_> = api
        .watch(&WatchParams::default(), "0")
        .await
        .unwrap()
        .collect()
        .await;
    assert_eq!(events.iter().filter(|event| event.is_ok()).count(), 1);
}

#[tokio::test]
async fn hooks_run_before_instead_of_and_after_the_request() {
    let (_namespace, proxy, api) = proxied(Wire::Plain).await;
    let ran = Arc::new(Mutex::new(Vec::new()));
    let hook = |when: &'static str| {
        let ran = ran.clone();
        move |asked: &beadlet_testbed::fault::Asked| ran.lock().unwrap().push((when, asked.verb))
    };
    proxy.rule(On::writes().nth(1), Fault::before(hook("before")));
    proxy.rule(On::writes().nth(1), Fault::instead(hook("instead")));
    proxy.rule(On::writes().nth(1), Fault::after(hook("after")));
    create(&api, "one").await.unwrap();
    assert!(create(&api, "two").await.is_err());
    assert!(api.get_opt("two").await.unwrap().is_none());
    create(&api, "three").await.unwrap();
    assert_eq!(
        *ran.lock().unwrap(),
        [
            ("before", "create"),
            ("instead", "create"),
            ("after", "create")
        ]
    );
}

#[tokio::test]
async fn request_that_hangs_is_in_the_log_and_never_answered() {
    let (_namespace, proxy, api) = proxied(Wire::Plain).await;
    proxy.rule(On::verb("get").times(1), Fault::Hang);
    let asking = tokio::spawn(async move { api.get("one").await });
    let hangs = |passed: &Passed| passed.fault == Some("hang") && passed.status.is_none();
    eventually(SOON, "the request hangs", async || {
        proxy.log().iter().any(hangs)
    })
    .await;
    assert!(!asking.is_finished());
}

//! The owner's end of the supervisor: starts it, orders, and ends it by closing the pipe.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::supervisor::{Answer, Order};

/// The program `testbed`, and the two ends of its pipes.
pub(super) struct Supervisor {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Supervisor {
    pub(super) fn spawn(with_node: bool) -> Result<Self> {
        let mut child = Command::new(program()?)
            .args(["up", "--until-stdin-closes"])
            .args(with_node.then_some("--node"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C is for us; the supervisor sees our end and then ends in order.
            .process_group(0)
            .spawn()
            .context("cannot start the program `testbed`")?;
        let answers = BufReader::new(child.stdout.take().context("stdout is a pipe")?);
        Ok(Self {
            orders: child.stdin.take(),
            child,
            answers,
        })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn order(&mut self, order: &Order) -> Result<()> {
        let orders = self.orders.as_mut().context("the supervisor is ending")?;
        writeln!(orders, "{}", serde_json::to_string(order)?).context("the supervisor is gone")?;
        match serde_json::from_str(&self.answer()?)? {
            Answer::Done => Ok(()),
            Answer::Failed(why) => bail!("{why}"),
            other => bail!("the supervisor answers {other:?}"),
        }
    }

    pub(super) fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self
            .answers
            .read_line(&mut line)
            .context("the supervisor cannot be heard")?;
        ensure!(read > 0, "the supervisor ended without a word");
        Ok(line)
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.orders = None;
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program `testbed` beside this one: tests are in `target/<profile>/deps`, programs in `target/<profile>`.
///
/// # Errors
/// It is not built.
pub fn program() -> Result<PathBuf> {
    let here = env::current_exe().context("this program does not know where it is")?;
    let found = here
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("testbed"))
        .find(|path| path.is_file());
    found.with_context(|| {
        format!(
            "the program `testbed` is not near {}: run `cargo build -p beadlet-testbed`",
            here.display()
        )
    })
}

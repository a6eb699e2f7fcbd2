//! The API against its own description: the document is valid, and what the server answers to thousands of requests, right ones and
//! wrong ones, is what it says there. The requests are schemathesis', the judgement is openapi-spec-validator's and schemathesis'.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::process::run;
use crate::support::rig::Rig;

/// For so long it is tried, if nobody says otherwise.
const SECONDS: u64 = 60;
/// The same requests in every run, if nobody says otherwise.
const SEED: &str = "20261128";
/// Most requests of one kind for one operation.
const EXAMPLES: u64 = 20;
/// What is judged by schemathesis' own rules.
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/api/schemathesis.toml");

/// A program of the environment that `packaging/install-test-needs` makes.
fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("api-tools/bin").join(name);
    assert!(path.exists(), "{} is not there; packaging/install-test-needs puts it there", path.display());
    path
}

#[test]
fn the_description_is_valid() {
    let rig = Rig::standard();
    let response = rig.app.api("/api/v1/openapi.json");
    assert_eq!(response.status, 200);
    let path = rig.app.dir().join("openapi.json");
    std::fs::write(&path, response.body()).unwrap();
    let mut validator = std::process::Command::new(program("python"));
    validator.args(["-m", "openapi_spec_validator", "--schema", "3.1"]).arg(&path);
    run(&mut validator, Duration::from_secs(60)).ok();
}

/// Everything but the stream of events, which has no end.
#[test]
fn answers_are_as_they_are_described() {
    let seconds = std::env::var("ROOFTOP_IT_API_SECONDS").ok().map_or(SECONDS, |text| text.parse().unwrap());
    let examples = if seconds > SECONDS { EXAMPLES * 10 } else { EXAMPLES };
    let seed = std::env::var("ROOFTOP_IT_SEED").unwrap_or(SEED.to_owned());
    let mut rig = Rig::with(|setup| setup.quiet());
    let token = format!("Authorization: Bearer {}", rig.app.token());
    let program = program("st");
    let mut tester = rig.app.client(&program.display().to_string());
    tester.args(["--config-file", CONFIG, "--no-color", "run", "http://10.77.0.1/api/v1/openapi.json", "--checks", "all"]);
    tester.args(["--header", &token, "--exclude-path", "/events", "--request-timeout", "20"]);
    tester.args(["--max-time", &seconds.to_string(), "--max-examples", &examples.to_string(), "--seed", &seed]);
    tester.current_dir(rig.app.dir());
    let output = run(&mut tester, Duration::from_secs(seconds + 120));
    let log = rig.app.log();
    assert_eq!(output.code(), 0, "{}\n{}", output.text(), output.stderr);
    assert!(rig.app.exited().is_none(), "the server ended:\n{log}");
    assert!(!log.contains("panicked"), "{log}");
    println!("{}", output.text());
}

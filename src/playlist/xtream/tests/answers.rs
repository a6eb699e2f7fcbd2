//! What is said of an account, and what a person is told.

use super::*;

const DAY_MS: i64 = 86_400_000;
const NOW_MS: i64 = 1_761_674_900_000;

fn info(user: &str) -> Result<AccountInfo, XtreamError> {
    account_info(format!("{{\"user_info\":{{{user}}},\"server_info\":[]}}").as_bytes())
}

#[test]
fn an_answer_as_most_panels_give_it() {
    let answer = r#"{"user_info":{"username":"hugo","password":"geheim77","message":"Welcome","auth":1,"status":"Active",
        "exp_date":"1746833038","is_trial":"0","active_cons":"1","created_at":"1715275438","max_connections":"3",
        "allowed_output_formats":["m3u8","ts","rtmp"]},"server_info":{"url":"panel.example","port":"80","https_port":"443",
        "server_protocol":"http","rtmp_port":"8009","timezone":"Europe\/London","timestamp_now":1729335877,
        "time_now":"2024-10-19 12:04:37","process":true}}"#;
    let found = account_info(answer.as_bytes()).unwrap();
    let server = ServerInfo {
        url: Some("panel.example".into()),
        port: Some(80),
        https_port: Some(443),
        protocol: Some("http".into()),
        timezone: Some("Europe/London".into()),
        time_now: Some("2024-10-19 12:04:37".into()),
        now_ms: Some(1_729_335_877_000),
    };
    let expected = AccountInfo {
        status: Status::Active,
        expires_ms: Some(1_746_833_038_000),
        is_trial: false,
        max_connections: Some(3),
        active_connections: 1,
        allowed_output_formats: vec!["m3u8".into(), "ts".into(), "rtmp".into()],
        server,
    };
    assert_eq!(found, expected);
    assert!(!format!("{found:?}").contains("geheim77"));
}

#[rstest::rstest]
#[case("\"1746833038\"", Some(1_746_833_038_000))]
#[case("1746833038", Some(1_746_833_038_000))]
#[case("1746833038.0", Some(1_746_833_038_000))]
#[case("1746833038000", Some(1_746_833_038_000))]
#[case("\" 1746833038 \"", Some(1_746_833_038_000))]
#[case("\"2025-05-09 23:23:58\"", Some(1_746_833_038_000))]
#[case("\"2025-05-09T23:23:58Z\"", Some(1_746_833_038_000))]
#[case("\"2025-05-09T23:23:58+01:00\"", Some(1_746_829_438_000))]
#[case("\"2025-05-09\"", Some(1_746_748_800_000))]
#[case("null", None)]
#[case("\"\"", None)]
#[case("0", None)]
#[case("\"0\"", None)]
#[case("-1", None)]
#[case("false", None)]
#[case("true", None)]
#[case("\"UNLIMITED\"", None)]
#[case("[]", None)]
#[case("{\"a\":1}", None)]
fn times(#[case] json: &str, #[case] expected: Option<i64>) {
    assert_eq!(info(&format!("\"auth\":1,\"exp_date\":{json}")).unwrap().expires_ms, expected);
}

#[rstest::rstest]
#[case("1", Some(1))]
#[case("\"2\"", Some(2))]
#[case("\"2.0\"", Some(2))]
#[case("0", None)]
#[case("\"0\"", None)]
#[case("null", None)]
#[case("-5", None)]
#[case("99999999999", None)]
#[case("\"many\"", None)]
#[case("{}", None)]
fn limits(#[case] json: &str, #[case] expected: Option<u32>) {
    let found = info(&format!("\"auth\":\"1\",\"max_connections\":{json},\"active_cons\":{json}")).unwrap();
    assert_eq!((found.max_connections, found.active_connections), (expected, expected.unwrap_or(0)));
}

#[rstest::rstest]
#[case("\"Active\"", Status::Active)]
#[case("\"active \"", Status::Active)]
#[case("null", Status::Active)]
#[case("1", Status::Active)]
#[case("\"Expired\"", Status::Expired)]
#[case("\"BANNED\"", Status::Banned)]
#[case("\"Disabled\"", Status::Disabled)]
#[case("\"Frozen\"", Status::Other("Frozen".into()))]
fn statuses(#[case] json: &str, #[case] expected: Status) {
    assert_eq!(info(&format!("\"auth\":true,\"status\":{json}")).unwrap().status, expected);
}

#[rstest::rstest]
#[case("[\"m3u8\",\"ts\"]", Format::Ts)]
#[case("[\"m3u8\"]", Format::M3u8)]
#[case("[\"HLS\"]", Format::M3u8)]
#[case("\"m3u8, rtmp\"", Format::M3u8)]
#[case("{\"0\":\"m3u8\"}", Format::M3u8)]
#[case("[]", Format::Ts)]
#[case("[\"rtmp\"]", Format::Ts)]
#[case("null", Format::Ts)]
fn formats(#[case] json: &str, #[case] expected: Format) {
    assert_eq!(info(&format!("\"auth\":1,\"allowed_output_formats\":{json}")).unwrap().format(), expected);
}

#[rstest::rstest]
#[case("\"0\"", false)]
#[case("\"1\"", true)]
#[case("1", true)]
#[case("true", true)]
#[case("\"true\"", true)]
#[case("null", false)]
#[case("\"\"", false)]
fn trials(#[case] json: &str, #[case] expected: bool) {
    assert_eq!(info(&format!("\"auth\":1,\"is_trial\":{json}")).unwrap().is_trial, expected);
}

#[test]
fn ports_that_are_none_are_left_out() {
    let answer = r#"{"user_info":{"auth":1},"server_info":{"port":8001,"https_port":"80011"}}"#;
    let server = account_info(answer.as_bytes()).unwrap().server;
    assert_eq!((server.port, server.https_port), (Some(8001), None));
}

const REFUSED: &str = "user or password refused";
const NOTHING: &str = "the server answered with nothing; user or password may be wrong, or the server is overloaded";

#[rstest::rstest]
#[case("{\"user_info\":{\"auth\":0}}", REFUSED)]
#[case("{\"user_info\":{\"auth\":\"0\",\"status\":\"geheim77\"}}", REFUSED)]
#[case("{\"user_info\":{\"auth\":false}}", REFUSED)]
#[case("{\"auth\":0}", REFUSED)]
#[case(
    "{\"user_info\":{\"auth\":0,\"status\":\"Expired\"}}",
    "user or password refused; the provider says that the account has expired"
)]
#[case(
    "{\"user_info\":{\"auth\":0,\"status\":\"Banned\"}}",
    "user or password refused; the provider says that the account is banned"
)]
#[case("", NOTHING)]
#[case(" \n", NOTHING)]
#[case("null", NOTHING)]
#[case("false", NOTHING)]
#[case("\"\"", NOTHING)]
#[case("[]", NOTHING)]
#[case(
    " <!DOCTYPE html><html>",
    "the server sent a web page instead of data; the address or the port may be wrong, or the provider blocks this connection"
)]
#[case("#EXTM3U\n", "the server sent an M3U playlist instead of data; add its address as a playlist")]
#[case("OK", "the server's answer is not that of an Xtream Codes panel; the address or the port may be wrong")]
#[case("{}", "the server answered with something else than the account; it may be no Xtream Codes panel, or not allow this")]
#[case(
    "{\"user_info\":[]}",
    "the server answered with something else than the account; it may be no Xtream Codes panel, or not allow this"
)]
#[case("{\"user_info\":{\"auth\":1", "the server's answer breaks off after 0 complete elements")]
#[case("{\"user_info\":{\"auth\" 1", "the server's answer is damaged after 0 complete elements (line 1, column 22)")]
fn answers_that_are_none(#[case] answer: &str, #[case] error: &str) {
    assert_eq!(account_info(answer.as_bytes()).unwrap_err().to_string(), error);
}

#[test]
fn an_endless_answer_is_refused() {
    let answer = std::io::repeat(b' ').take(2 << 20);
    assert!(matches!(account_info(answer), Err(XtreamError::Io(_))));
}

fn with(status: Status, expires_ms: Option<i64>, active: u32, most: Option<u32>) -> AccountInfo {
    let mut found = info("\"auth\":1").unwrap();
    (found.status, found.expires_ms, found.active_connections, found.max_connections) = (status, expires_ms, active, most);
    found
}

#[rstest::rstest]
#[case(with(Status::Active, None, 0, None), None)]
#[case(with(Status::Active, Some(NOW_MS + 15 * DAY_MS), 0, Some(1)), None)]
#[case(with(Status::Active, Some(NOW_MS + 14 * DAY_MS), 1, Some(1)), Some("this account expires in 14 days, on 2025-11-11"))]
#[case(with(Status::Active, Some(NOW_MS + DAY_MS), 0, None), Some("this account expires in 1 day, on 2025-10-29"))]
#[case(with(Status::Active, Some(NOW_MS + 1), 0, None), Some("this account expires within a day, on 2025-10-28"))]
#[case(
    with(Status::Active, Some(NOW_MS), 0, None),
    Some("this account expired on 2025-10-28; its streams do not play until it is renewed")
)]
#[case(with(Status::Active, Some(i64::MAX), 0, None), None)]
#[case(
    with(Status::Active, Some(i64::MIN), 0, None),
    Some("this account expired on a date that is out of range; its streams do not play until it is renewed")
)]
#[case(with(Status::Expired, None, 0, None), Some("this account has expired; its streams do not play until it is renewed"))]
#[case(with(Status::Expired, Some(NOW_MS + DAY_MS), 0, None),
       Some("this account has expired; its streams do not play until it is renewed"))]
#[case(with(Status::Banned, Some(NOW_MS - 1), 5, Some(1)), Some("the provider has banned this account; ask the provider"))]
#[case(with(Status::Disabled, None, 0, None), Some("the provider has disabled this account; ask the provider"))]
#[case(with(Status::Other("Frozen".into()), None, 0, None),
       Some("the provider calls this account “Frozen”; ask the provider what that means"))]
#[case(
    with(Status::Active, None, 2, Some(2)),
    Some("all connections of this account are in use (2 of 2); another stream would be refused")
)]
#[case(with(Status::Active, None, 1, Some(2)), None)]
fn warnings(#[case] info: AccountInfo, #[case] expected: Option<&str>) {
    assert_eq!(warning(&info, NOW_MS).map(|warning| warning.to_string()).as_deref(), expected);
}

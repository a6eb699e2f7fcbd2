//! Pages as a browser that is logged in gets them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::Error;

/// Sets the first password; gives the secret of the cookie.
pub fn log_in(address: SocketAddr, password: &str) -> Result<String, Error> {
    let form = format!("password={0}&again={0}", password.replace(' ', "+"));
    let head = format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", form.len());
    let answer = exchange(address, "POST", "/setup", &head, &form)?;
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: rooftop_session="));
    Ok(cookie.and_then(|cookie| cookie.split(';').next()).ok_or("no cookie")?.to_owned())
}

/// The body of a page.
pub fn page(address: SocketAddr, path: &str, secret: &str) -> Result<String, Error> {
    let answer = exchange(address, "GET", path, &format!("Cookie: rooftop_session={secret}\r\n"), "")?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    if head.split(' ').nth(1) != Some("200") {
        return Err(format!("{path} answered {}", head.lines().next().unwrap_or_default()).into());
    }
    Ok(body.to_owned())
}

fn exchange(address: SocketAddr, method: &str, path: &str, head: &str, body: &str) -> Result<String, Error> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(15)))?;
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{head}\r\n{body}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

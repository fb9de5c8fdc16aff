//! `http.request`: bounded in time and size, and kept away from addresses that are not public.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Method, Url, redirect};
use symphony_protocol::{TypeName, Value};
use symphony_sdk::worker::function::{Handler, Offered};
use symphony_sdk::worker::{Context, FunctionError, Outcome};

use crate::spec::{Spec, flag, needs, number, optional_text, takes, text};

const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
const REDIRECTS_MAX: usize = 10;
const TIMEOUT_S: f64 = 30.0;
/// A server may not put a task off for longer.
const RETRY_AFTER_S_MAX: u64 = 86_400;
/// Set to 1, it allows private addresses: for a mesh whose services are private on purpose.
const ALLOW_PRIVATE: &str = "SYMPHONY_HTTP_ALLOW_PRIVATE";

pub fn function() -> Offered {
    use TypeName::{Any, Boolean, Integer, Number, Object, String};
    Spec::new(
        "http.request",
        "Send a request; any status is an output, not a failure, unless `check` is set: then 400 and above fail as http_<status>",
    )
    .inputs([
        ("url", needs(String)),
        ("method", takes(String, "GET".into())),
        ("headers", takes(Object, Value::Nil)),
        ("body", takes(Any, Value::Nil)),
        ("timeout", takes(Number, Value::Float(TIMEOUT_S))),
        ("check", takes(Boolean, Value::Bool(false))),
    ])
    .outputs([("status", Integer), ("headers", Object), ("body", Any)])
    .once()
    .runs(Handler::asynchronous(request))
}

/// Whether an address is one of the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (b == 18 || b == 19)))
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(IpAddr::V4(v4)),
            None => {
                let [first, second, ..] = v6.segments();
                let embedded = matches!((first, second), (0x64, 0xff9b) | (0x2002, _) | (0x2001, 0));
                !(v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || (first & 0xfe00) == 0xfc00
                    || (first & 0xffc0) == 0xfe80
                    || (first == 0x2001 && second == 0xdb8)
                    || embedded)
            }
        },
    }
}

fn refused(what: &str) -> FunctionError {
    let message = format!("{what} is not a public address; {ALLOW_PRIVATE}=1 on the worker allows it");
    FunctionError::lasting("rejected", message)
}

/// Resolves names and drops addresses that are not public: the check is on what is connected to, so that a name that
/// resolves differently the second time gains nothing.
struct Guard;

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| is_public(address.ip()))
                .collect();
            if public.is_empty() {
                return Err(format!("{} is not a public address", name.as_str()).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// An address that stands in the URL itself is never resolved, so it is checked here.
fn check_url(url: &Url, private: bool) -> Result<(), FunctionError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(FunctionError::contract(format!(
            "`{}` is no scheme of http.request",
            url.scheme()
        )));
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(address) if !private && !is_public(address) => Err(refused(host)),
        _ if host.is_empty() => Err(FunctionError::contract("the URL has no host")),
        _ => Ok(()),
    }
}

fn client(private: bool) -> Result<Client, FunctionError> {
    let policy = redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() > REDIRECTS_MAX {
            return attempt.error("too many redirects");
        }
        match check_url(attempt.url(), private) {
            Ok(()) => attempt.follow(),
            Err(error) => attempt.error(error.message),
        }
    });
    // A proxy of the environment would connect on our behalf, past the guard.
    let mut builder = Client::builder()
        .redirect(policy)
        .no_proxy()
        .user_agent(concat!("symphony/", env!("CARGO_PKG_VERSION")));
    if !private {
        builder = builder.dns_resolver(Arc::new(Guard));
    }
    builder
        .build()
        .map_err(|error| FunctionError::new("internal", error.to_string()))
}

/// A status of 400 or above as a failure of the kind `http_<status>`, which says how long to wait where the server did.
fn unsuccessful(response: &reqwest::Response) -> FunctionError {
    let status = response.status();
    let message = format!("{} answered {status}", response.url());
    let mut error = FunctionError::new(&format!("http_{}", status.as_u16()), message);
    let header = response.headers().get("retry-after");
    let seconds = header.and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    error.retry_after_ms = seconds.map(|seconds| seconds.min(RETRY_AFTER_S_MAX) * 1000);
    error
}

async fn request(_: Context, inputs: Value) -> Outcome {
    let private = std::env::var(ALLOW_PRIVATE).is_ok_and(|value| value == "1");
    send(inputs, private).await
}

async fn send(inputs: Value, private: bool) -> Outcome {
    let said = text(&inputs, "url")?;
    let url =
        Url::parse(said).map_err(|error| FunctionError::contract(format!("the URL {said:?}: {error}")))?;
    check_url(&url, private)?;
    let method = optional_text(&inputs, "method").unwrap_or("GET").to_uppercase();
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| FunctionError::contract("`method` is no method"))?;
    let seconds = number(&inputs, "timeout", TIMEOUT_S)?.clamp(0.001, 3600.0);
    let mut request = client(private)?
        .request(method, url)
        .timeout(Duration::from_secs_f64(seconds));
    for (name, value) in inputs.get("headers").and_then(Value::as_map).unwrap_or_default() {
        let value = value
            .as_str()
            .ok_or_else(|| FunctionError::contract("`headers` holds texts"))?;
        request = request.header(name, value);
    }
    request = match inputs.get("body") {
        None | Some(Value::Nil) => request,
        Some(Value::Str(text)) => request.body(text.clone()),
        Some(Value::Bin(data)) => request.body(data.clone()),
        Some(other) => {
            let json =
                serde_json::to_vec(other).map_err(|error| FunctionError::contract(error.to_string()))?;
            request.header("content-type", "application/json").body(json)
        }
    };
    let mut response = request.send().await.map_err(|error| transport(&error))?;
    let status = response.status().as_u16();
    if status >= 400 && flag(&inputs, "check")? {
        return Err(unsuccessful(&response));
    }
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| {
        (
            name.to_string(),
            String::from_utf8_lossy(value.as_bytes()).into_owned().into(),
        )
    });
    let headers = Value::Map(headers.collect());
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| transport(&error))? {
        if body.len() + piece.len() > BODY_BYTES_MAX {
            return Err(FunctionError::lasting(
                "limit",
                format!("the answer has more than {BODY_BYTES_MAX} bytes"),
            ));
        }
        body.extend_from_slice(&piece);
    }
    let json = headers
        .get("content-type")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.contains("json"));
    let body = match String::from_utf8(body) {
        Ok(text) if json => serde_json::from_str(&text).unwrap_or(Value::Str(text)),
        Ok(text) => Value::Str(text),
        Err(error) => Value::Bin(error.into_bytes()),
    };
    Ok(Value::from([
        ("status", Value::Int(i64::from(status))),
        ("headers", headers),
        ("body", body),
    ]))
}

fn transport(error: &reqwest::Error) -> FunctionError {
    let mut reasons = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        reasons = inner.to_string();
        source = inner.source();
    }
    if reasons.contains("not a public address") {
        return refused(error.url().and_then(Url::host_str).unwrap_or("the host"));
    }
    let kind = if error.is_timeout() {
        "timeout"
    } else {
        "unavailable"
    };
    FunctionError::new(kind, reasons)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn addresses_that_are_not_public_are_refused_however_they_are_written() {
        for url in [
            "http://127.0.0.1/",
            "http://localhost/",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://10.1.2.3/",
            "http://169.254.169.254/latest",
            "http://192.168.0.1/",
            "http://100.64.0.1/",
            "http://0.0.0.0/",
            "http://[fd00::1]/",
        ] {
            let error = send(Value::from([("url", url.into())]), false).await.unwrap_err();
            assert_eq!(error.kind, "rejected", "{url}: {}", error.message);
        }
        let file = send(Value::from([("url", "file:///etc/passwd".into())]), true)
            .await
            .unwrap_err();
        assert_eq!(file.kind, "contract");
    }

    #[tokio::test]
    async fn an_answer_has_status_headers_and_body() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = vec![0; 4096];
            let count = stream.read(&mut seen).await.unwrap();
            let asked = String::from_utf8_lossy(&seen[..count]).into_owned();
            assert!(asked.starts_with("POST /x"), "{asked}");
            let answer = "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{\"a\": 1}";
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let inputs = Value::from([
            ("url", format!("http://127.0.0.1:{port}/x").into()),
            ("method", "post".into()),
            ("body", Value::from([("q", Value::Int(1))])),
        ]);
        let made = send(inputs, true).await.unwrap();
        assert_eq!(made.get("status"), Some(&Value::Int(201)));
        assert_eq!(
            made.get("body").and_then(|body| body.get("a")),
            Some(&Value::Int(1))
        );
    }

    #[tokio::test]
    async fn a_bad_status_is_a_failure_only_where_it_is_asked_for() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut seen = vec![0; 4096];
                assert_ne!(stream.read(&mut seen).await.unwrap(), 0);
                let answer = "HTTP/1.1 503 Unavailable\r\nretry-after: 7\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let inputs = |check| {
            let url = format!("http://127.0.0.1:{port}/").into();
            Value::from([("url", url), ("check", Value::Bool(check))])
        };
        let made = send(inputs(false), true).await.unwrap();
        assert_eq!(made.get("status"), Some(&Value::Int(503)));
        let error = send(inputs(true), true).await.unwrap_err();
        assert_eq!(
            (error.kind.as_str(), error.retry_after_ms),
            ("http_503", Some(7000))
        );
    }
}

//! The hosts file: one `host:port` per line, process 0 first. Empty lines and `#` comments are ignored.

use std::path::Path;

use super::ClusterError;
use crate::process::os_error::why;

/// Reads the addresses of all processes.
pub fn read(path: &Path, processes: usize) -> Result<Vec<String>, ClusterError> {
    let bad = |why: String| ClusterError::Hosts { path: path.to_owned(), why };
    let text = std::fs::read_to_string(path).map_err(|error| bad(why(&error)))?;
    parse(&text, processes).map_err(bad)
}

fn parse(text: &str, processes: usize) -> Result<Vec<String>, String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let hosts: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if hosts.len() != processes {
        return Err(format!("it lists {} processes, but --processes is {processes}", hosts.len()));
    }
    for (at, host) in hosts.iter().enumerate() {
        if split(host).is_none() {
            return Err(format!("invalid address {host:?}: expected HOST:PORT"));
        }
        if hosts[..at].contains(host) {
            return Err(format!("duplicate host {host}"));
        }
    }
    Ok(hosts)
}

/// The host and the port of an address; an IPv6 host is in brackets.
pub fn split(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let port = port.parse().ok().filter(|&port| port > 0)?;
    (!host.is_empty() && !host.contains(char::is_whitespace)).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_in_order() {
        let text = "# the workers\nworker-0.workers:2101\n\n worker-1.workers:2101 # second\n[::1]:7\n";
        assert_eq!(parse(text, 3).unwrap(), ["worker-0.workers:2101", "worker-1.workers:2101", "[::1]:7"]);
        assert_eq!(split("[::1]:7"), Some(("::1", 7)));
    }

    #[test]
    fn errors_name_the_problem() {
        for (text, word) in [
            ("a:1\n", "lists 1 processes"),
            ("a:1\nb:2\nc:3\n", "lists 3"),
            ("a:1\na:1\n", "duplicate host a:1"),
            ("a:1\nb\n", "\"b\""),
            ("a:1\nb:0\n", "b:0"),
            ("a:1\nb c:2\n", "invalid address"),
            ("a:1\n:2\n", "invalid address"),
        ] {
            let error = parse(text, 2).unwrap_err();
            assert!(error.contains(word), "{text:?}: {error}");
        }
    }
}

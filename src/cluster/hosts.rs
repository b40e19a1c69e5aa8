//! The file of hosts: one `host:port` a line, line 0 for process 0. Empty lines and `#` comments do not count.

use std::path::Path;

use super::ClusterError;
use crate::process::os_error::why;

/// Reads the addresses of so many processes.
pub fn read(path: &Path, processes: usize) -> Result<Vec<String>, ClusterError> {
    let bad = |why: String| ClusterError::Hosts { path: path.to_owned(), why };
    let text = std::fs::read_to_string(path).map_err(|error| bad(why(&error)))?;
    parse(&text, processes).map_err(bad)
}

fn parse(text: &str, processes: usize) -> Result<Vec<String>, String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let hosts: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if hosts.len() != processes {
        return Err(format!("it names {} processes, and --processes says {processes}", hosts.len()));
    }
    for (at, host) in hosts.iter().enumerate() {
        if split(host).is_none() {
            return Err(format!("{host:?} is no address: write HOST:PORT"));
        }
        if hosts[..at].contains(host) {
            return Err(format!("{host} stands there twice"));
        }
    }
    Ok(hosts)
}

/// The host and the port of an address; an IPv6 address stands in brackets.
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
    fn what_is_wrong_is_said() {
        for (text, word) in [
            ("a:1\n", "names 1 processes"),
            ("a:1\nb:2\nc:3\n", "names 3"),
            ("a:1\na:1\n", "twice"),
            ("a:1\nb\n", "\"b\""),
            ("a:1\nb:0\n", "b:0"),
            ("a:1\nb c:2\n", "no address"),
            ("a:1\n:2\n", "no address"),
        ] {
            let error = parse(text, 2).unwrap_err();
            assert!(error.contains(word), "{text:?}: {error}");
        }
    }
}

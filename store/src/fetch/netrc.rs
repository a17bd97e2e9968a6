//! Names and passwords for servers, from a file as `ftp` and `curl` read it.

use std::path::Path;

use crate::base64;

/// Returns the `Authorization` header for an address, if the file has an entry for its machine.
///
/// A file that cannot be read has none: it is there by default, and mostly missing.
pub(super) fn authorization(file: &Path, url: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let (login, password) = find(&text, host(url)?)?;
    Some(format!("Basic {}", base64::encode(format!("{login}:{password}").as_bytes())))
}

/// Returns the host of an address.
fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(host.rsplit_once(':').map_or(host, |(host, _)| host))
}

/// Returns the name and the password for a machine.
fn find(text: &str, machine: &str) -> Option<(String, String)> {
    let mut words = text.split_whitespace();
    let (mut is_meant, mut login, mut password) = (false, None, None);
    while let Some(word) = words.next() {
        match word {
            "machine" | "default" => {
                if is_meant {
                    break;
                }
                is_meant = word == "default" || words.next() == Some(machine);
            }
            "login" => login = words.next().filter(|_| is_meant).or(login),
            "password" => password = words.next().filter(|_| is_meant).or(password),
            _ => {}
        }
    }
    is_meant.then(|| Some((login?.to_owned(), password?.to_owned()))).flatten()
}

#[cfg(test)]
mod tests {
    use super::{find, host};

    #[test]
    fn the_entry_of_the_machine_counts() {
        let text = "machine a login x password y\nmachine b\n  login u\n  password v\n";
        assert_eq!(find(text, "b"), Some(("u".to_owned(), "v".to_owned())));
        assert_eq!(find(text, "a"), Some(("x".to_owned(), "y".to_owned())));
        assert_eq!(find(text, "c"), None);
        assert_eq!(find("default login d password e", "c"), Some(("d".into(), "e".into())));
    }

    #[test]
    fn hosts_stand_between_user_and_port() {
        assert_eq!(host("https://u:p@h.org:80/x"), Some("h.org"));
        assert_eq!(host("http://h"), Some("h"));
    }
}

//! References read, checked and written.

use super::{Attr, Reference, Refusal};

/// Checks what a text means, as `name=value` words, and what is written for that.
fn check(text: &str, attrs: &str, url: &str) {
    let (reference, _) =
        Reference::parse(text, false).unwrap_or_else(|it| panic!("{text}: {it:?}"));
    let shown: Vec<String> = reference
        .to_attrs()
        .iter()
        .map(|(name, value)| match value {
            Attr::Text(text) => format!("{name}={text}"),
            Attr::Number(number) => format!("{name}={number}"),
            Attr::Bool(value) => format!("{name}={value}"),
        })
        .collect();
    assert_eq!(shown.join(" "), attrs, "{text}");
    assert_eq!(reference.to_url(), Ok(url.to_owned()), "{text}");
    let again = Reference::from_attrs(reference.to_attrs(), false);
    assert_eq!(again, Ok(reference), "{text}");
}

fn refused(text: &str) -> Refusal {
    Reference::parse(text, false).expect_err("it is no reference")
}

#[test]
fn servers_have_archives_of_repositories() {
    check(
        "github:NixOS/nixpkgs/23.05?dir=lib",
        "dir=lib owner=NixOS ref=23.05 repo=nixpkgs type=github",
        "github:NixOS/nixpkgs/23.05?dir=lib",
    );
    check("gitlab:a%2Fb/c", "owner=a/b repo=c type=gitlab", "gitlab:a%2Fb/c");
    check("sourcehut:~a/b", "owner=~a repo=b type=sourcehut", "sourcehut:~a/b");
    let rev = "a3a3dda3bacf61e8a39258a0ed9c924eeca8e293";
    check(
        &format!("github:a/b/{rev}"),
        &format!("owner=a repo=b rev={rev} type=github"),
        &format!("github:a/b/{rev}"),
    );
}

#[test]
fn repositories_have_urls() {
    check(
        "git+https://example.com/a.git?ref=main&shallow=1&foo=bar",
        "ref=main shallow=true type=git url=https://example.com/a.git?foo=bar",
        "git+https://example.com/a.git?foo=bar&ref=main&shallow=1",
    );
    check("git+file:///a/b", "type=git url=file:///a/b", "git+file:///a/b");
    check("git://h/a", "type=git url=git://h/a", "git://h/a");
    check(
        "hg+https://h/a?ref=x&k=v",
        "ref=x type=hg url=https://h/a?k=v",
        "hg+https://h/a?k=v&ref=x",
    );
}

#[test]
fn archives_and_files_have_urls() {
    check(
        "https://h/a.tar.gz?revCount=7&lastModified=z&a=b",
        "revCount=7 type=tarball url=https://h/a.tar.gz?a=b",
        "https://h/a.tar.gz?a=b",
    );
    let (file, _) = Reference::parse("file+https://h/a", false).expect("it is one");
    assert_eq!(file.to_url(), Ok("https://h/a".to_owned()));
    assert_eq!(file.to_attrs().get("type"), Some(&Attr::Text("file".to_owned())));
}

#[test]
fn paths_and_names_are_short() {
    check("/a b/c/?dir=x", "dir=x path=/a b/c/ type=path", "path:/a%20b/c/?dir=x");
    check("path:./a?revCount=3", "path=./a revCount=3 type=path", "path:./a?revCount=3");
    check("nixpkgs", "id=nixpkgs type=indirect", "flake:nixpkgs");
    check(
        "nixpkgs/nixos-20.09",
        "id=nixpkgs ref=nixos-20.09 type=indirect",
        "flake:nixpkgs/nixos-20.09",
    );
}

#[test]
fn a_repository_may_be_written_as_ssh_takes_it() {
    let attrs = |url: &str| {
        let text = |text: &str| Attr::Text(text.to_owned());
        [("type", text("git")), ("url", text(url))].map(|(name, it)| (name.to_owned(), it)).into()
    };
    let url = |url: &str| Reference::from_attrs(attrs(url), false).and_then(|it| it.to_url());
    assert_eq!(url("git@github.com:foo/bar"), Ok("git+ssh://git@github.com/foo/bar".to_owned()));
    assert_eq!(url("/a/b"), Ok("git+file:///a/b".to_owned()));
    assert_eq!(url("a/b"), Ok("git+file:a/b".to_owned()));
    assert!(url("github.com:a/b").is_err());
}

#[test]
fn what_is_no_reference_says_why() {
    let relative =
        |text: &str| Refusal::Url(format!("flake reference '{text}' is not an absolute path"));
    for text in ["./a", "", "github:a", "github:a/b?ref=..x", "git:a", "path:a%2Fb", "a b"] {
        assert_eq!(refused(text), relative(text));
    }
    let other = |text: &str| Refusal::Other(text.to_owned());
    assert_eq!(refused("foo:bar"), other("input 'foo:bar' is unsupported"));
    assert_eq!(
        refused("nixpkgs#hello"),
        other("unexpected fragment 'hello' in flake reference 'nixpkgs#hello'")
    );
    assert_eq!(
        refused("path:a?foo=x"),
        other("path URL 'path:a?foo=x' has unsupported parameter 'foo'")
    );
    assert_eq!(refused("git+https://h/a?publicKey=x"), Refusal::Feature("verified-fetches"));
}

#[test]
fn a_parameter_without_a_value_is_told_of() {
    let (_, warnings) = Reference::parse("github:a/b?x", false).expect("it is one");
    assert_eq!(warnings, ["warning: dubious URI query 'x' is missing equal sign '=', ignoring"]);
}

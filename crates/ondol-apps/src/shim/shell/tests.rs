//! Which lines get an `exec`, and that the real shell does the same with it as without.

use std::process::Command;

use super::*;

#[test]
fn the_shell_gives_way_to_a_last_simple_command() {
    for (line, expected) in [
        ("puma", "exec puma"),
        (
            "  bundle exec puma -b $ONDOL_BIND",
            "  exec bundle exec puma -b $ONDOL_BIND",
        ),
        ("A=1 B=$X node server.js", "A=1 B=$X exec node server.js"),
        ("cd app && node .", "cd app && exec node ."),
        ("export A=1; node .", "export A=1; exec node ."),
        ("node . 2>&1", "exec node . 2>&1"),
        ("node . > log.txt", "exec node . > log.txt"),
        ("ruby -e 'a; b | c'", "exec ruby -e 'a; b | c'"),
        ("echo \"a && $B\"", "exec echo \"a && $B\""),
        (
            "./bin/server -p ${PORT:-80}",
            "exec ./bin/server -p ${PORT:-80}",
        ),
        ("a && b; c \\; d", "a && b; exec c \\; d"),
        ("/opt/x/y#z --a", "exec /opt/x/y#z --a"),
    ] {
        assert_eq!(giving_way(line), expected);
    }
}

#[test]
fn lines_that_the_shell_has_more_to_do_with_stay() {
    for line in [
        "",
        "   ",
        "a | b",
        "a || b",
        "a &",
        "a & b",
        "(a)",
        "a && (b)",
        "a $(b)",
        "a \"$(b)\"",
        "a `b`",
        "a\nb",
        "exec a",
        "cd a",
        "A=1",
        "A='x y' b",
        "if a; then b; fi",
        "while true; do a; done",
        "for i in 1 2; do echo $i; done; { a; }",
        "case x in x) a;; esac",
        "f() { a; }; f",
        "a 'b",
        "a \"b",
        "a \\",
        "# a",
        "a # b",
        "! a",
        "$A b",
        "2>x a",
        "cat <<END",
        "a;",
    ] {
        assert_eq!(giving_way(line), line);
    }
}

#[test]
fn the_real_shell_says_the_same_either_way() {
    let said = |line: &str| {
        let mut shell = Command::new("sh");
        let output = shell
            .arg("-c")
            .arg(line)
            .env("A", "of before")
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    for line in [
        "echo $A",
        "A=1 env | grep -c ^A=1",
        "A=1 printenv A",
        "A=1 B=$A printenv A B",
        "B=2; printenv A",
        "cd / && pwd; printf '%s;%s' a \"b && c\"",
        "false && printenv A",
        "true; false; printenv A",
        "export C=3 && printenv C",
        "printf %s a\\;b",
        "printenv A 2>&1",
        "for i in 1 2; do echo $i; done",
        "printenv NOTHING",
    ] {
        assert_eq!(said(line), said(&giving_way(line)), "{line}");
    }
}

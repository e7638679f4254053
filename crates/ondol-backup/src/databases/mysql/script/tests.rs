//! Dumps, read in pieces of any size.

use super::Script;

#[track_caller]
fn check(text: &str, rows: &[(&str, u64)], is_whole: bool) {
    for piece in [1, 2, 3, 7, text.len().max(1)] {
        let mut script = Script::default();
        for bytes in text.as_bytes().chunks(piece) {
            script.read(bytes);
        }
        assert_eq!(script.is_whole(), is_whole, "in pieces of {piece}");
        let expected = rows.iter().map(|(name, rows)| ((*name).to_owned(), *rows));
        assert_eq!(
            script.into_rows(),
            expected.collect(),
            "in pieces of {piece}"
        );
    }
}

#[test]
fn rows_are_counted() {
    check("", &[], false);
    check("CREATE TABLE `a` (\n  `x` int\n);\n", &[("a", 0)], false);
    check("INSERT INTO `a` VALUES (1),(2);\n", &[("a", 2)], false);
    check(
        "INSERT INTO `a` VALUES\n(1),\n(2);\nINSERT INTO `a` VALUES (3);\n",
        &[("a", 3)],
        false,
    );
    check("INSERT INTO `a b``(c` VALUES (1);", &[("a b`(c", 1)], false);
    check(
        "INSERT INTO `a` (`x`, `VALUES (`, `y)`) VALUES (1,2,3);",
        &[("a", 1)],
        false,
    );
    check(
        "INSERT INTO `a` VALUES (';),(',''''),('\\'),(\\\\',NULL),(_binary ')(',0x29);",
        &[("a", 3)],
        false,
    );
    check(
        "INSERT INTO `a` VALUES (ST_GeomFromText('POINT(1 1)'),f(g(1)));\n",
        &[("a", 1)],
        false,
    );
    check(
        "-- INSERT INTO `a` VALUES (1);\n  INSERT INTO `b` VALUES (1);\n",
        &[],
        false,
    );
    check(
        "DELIMITER ;;\nINSERT INTO `a` VALUES (1);\n;;\nDELIMITER ;\nINSERT INTO `b` VALUES (1);\n",
        &[("b", 1)],
        false,
    );
}

#[test]
fn a_dump_is_whole_with_its_last_line() {
    check("-- Dump completed on 2026-11-21\n", &[], true);
    check("-- Dump completed on 2026-11-21", &[], true);
    check("-- Dump completed\n\n", &[], true);
    check(
        "-- Dump completed\nCREATE TABLE `a` (\n",
        &[("a", 0)],
        false,
    );
    check("-- Dump comp", &[], false);
    check("INSERT INTO `a` VALUES ('\n-- Dump completed\n", &[], false);
}

#[test]
fn the_version_of_the_server_is_told() {
    let mut script = Script::default();
    script.read(b"-- MariaDB dump 10.19\n-- Server version\t10.11.14-MariaDB-0+deb12u2\n");
    assert_eq!(script.version(), Some("10.11.14-MariaDB-0+deb12u2"));
}

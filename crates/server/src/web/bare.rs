//! Removes from code what is only for human readers: a fifth less to load.

/// The code without indentation, without lines of only comments, and without inline types,
/// as in `x = /** @type {X} */ (y)`. Removed lines stay as empty ones, so that errors still
/// name the line of the source.
///
/// This works on lines and does not parse the language. Code with a text over several
/// lines, where a line may be anything, stays unchanged.
pub(super) fn code(source: &str) -> String {
    if source
        .lines()
        .any(|line| line.matches('`').count() % 2 == 1)
    {
        return source.to_owned();
    }
    let mut in_comment = false;
    let mut bare = String::with_capacity(source.len());
    for line in source.lines() {
        let line = line.trim_start();
        let begins = in_comment || line.starts_with("/*");
        let code = match line.split_once("*/") {
            // The end of a comment. The code after it stays, as in `/** @type {X} */ (y)`.
            Some((_, rest)) if begins => {
                in_comment = false;
                if rest.trim().is_empty() { "" } else { rest }
            }
            None if begins => {
                in_comment = true;
                ""
            }
            _ if line.starts_with("//") => "",
            _ => line,
        };
        untyped(code, &mut bare);
        bare.push('\n');
    }
    bare
}

/// A style sheet as [`code`] returns it, and without blanks that are only for readers.
/// Texts in quotes would be changed too, so none of them has a blank after one of these
/// signs.
pub(super) fn style(source: &str) -> String {
    const SHORTER: [(&str, &str); 8] = [
        ("\n", ""),
        (" {", "{"),
        ("{ ", "{"),
        (": ", ":"),
        ("; ", ";"),
        (", ", ","),
        (" }", "}"),
        (";}", "}"),
    ];
    let shorter = |text: String, (long, short): &(&str, &str)| text.replace(long, short);
    SHORTER.iter().fold(code(source), shorter)
}

/// Adds a line without its inline types. The blanks around them stay, because they separate words.
fn untyped(line: &str, bare: &mut String) {
    let mut rest = line;
    while let Some((before, comment)) = rest.split_once("/** @") {
        let Some((_, after)) = comment.split_once("*/") else {
            break;
        };
        bare.push_str(before);
        rest = after;
    }
    bare.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_are_comment_go_and_all_lines_keep_their_numbers() {
        let source = "// what it is\n\n/**\n * @param {X} x\n */\nfunction f(x) {\n  // why\n  \
             return x / 2 /* half */; // kept\n  /* here */ g();\n  /* two\n  lines */ h('//', a * /b*/);\n  \
             /** @type {Y} */ (a).b((/** @type {X} */ c) => c, /** @type {X} */ (d));\n}\n";
        let bare = "\n\n\n\n\nfunction f(x) {\n\nreturn x / 2 /* half */; // kept\n g();\n\n h('//', a * /b*/);\n \
             (a).b(( c) => c,  (d));\n}\n";
        assert_eq!(code(source), bare);
        assert_eq!(source.lines().count(), bare.lines().count());
    }

    #[test]
    fn a_style_sheet_keeps_only_the_blanks_that_mean_something() {
        let source = "/* what it is */\n.a :is(b, c) > d { margin: 0 calc(1px + 2px); color: red; }\n\
             @media (min-width: 1rem) and (hover: hover) {\n  .a::before { content: 'x y' }\n}\n";
        let bare = ".a :is(b,c) > d{margin:0 calc(1px + 2px);color:red}\
             @media (min-width:1rem) and (hover:hover){.a::before{content:'x y'}}";
        assert_eq!(style(source), bare);
    }

    #[test]
    fn a_text_of_several_lines_is_left_alone() {
        let source = "// what it is\nconst text = `\n  // this is text\n`;\n";
        assert_eq!(code(source), source);
        let one_line = "const a = `x` + `y`; // z\n";
        assert_eq!(code(one_line), one_line);
    }
}

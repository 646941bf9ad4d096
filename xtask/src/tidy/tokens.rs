//! Rust source as a flat list of tokens: what the compiler sees, without comments, and on request
//! without test code.

use std::str::FromStr as _;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// A token and the line it stands on. `::` is one token, and so is each bracket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// Which parts of a file are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Everything,
    /// Without what only test builds compile: `#[cfg(test)]` and `#[test]` items.
    WithoutTests,
}

/// The tokens of `source`; the error is the lexer's, with its line.
pub(crate) fn tokens(source: &str, part: Part) -> Result<Vec<Token>, (usize, String)> {
    let stream = TokenStream::from_str(source)
        .map_err(|error| (error.span().start().line, error.to_string()))?;
    let mut out = Vec::new();
    flatten(stream, part, &mut out);
    Ok(out)
}

fn flatten(stream: TokenStream, part: Part, out: &mut Vec<Token>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut index = 0;
    while let Some(tree) = trees.get(index) {
        if part == Part::WithoutTests {
            match test_attribute(&trees, index) {
                Attribute::Inner => return,
                Attribute::Outer => {
                    index = end_of_item(&trees, index);
                    continue;
                }
                Attribute::Other => {}
            }
        }
        let line = tree.span().start().line;
        let mut push = |text: String| out.push(Token { text, line });
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                push(open.to_owned());
                flatten(group.stream(), part, out);
                out.push(Token {
                    text: close.to_owned(),
                    line: group.span_close().start().line,
                });
            }
            TokenTree::Punct(punct)
                if punct.as_char() == ':' && punct.spacing() == Spacing::Joint =>
            {
                // Only `::` has a joint colon.
                push("::".to_owned());
                index += 1;
            }
            TokenTree::Punct(punct) => push(punct.to_string()),
            TokenTree::Ident(ident) => push(ident.to_string()),
            TokenTree::Literal(literal) => push(literal.to_string()),
        }
        index += 1;
    }
}

enum Attribute {
    /// `#![cfg(test)]`: all that follows at this level is test code.
    Inner,
    /// `#[cfg(test)]`, `#[test]`, `#[tokio::test]`: the next item is.
    Outer,
    Other,
}

fn test_attribute(trees: &[TokenTree], index: usize) -> Attribute {
    let is_punct = |at: usize, wanted: char| matches!(trees.get(at), Some(TokenTree::Punct(p)) if p.as_char() == wanted);
    if !is_punct(index, '#') {
        return Attribute::Other;
    }
    let inner = is_punct(index + 1, '!');
    let at = if inner { index + 2 } else { index + 1 };
    match trees.get(at) {
        Some(TokenTree::Group(group)) if is_for_tests(group) => {
            if inner {
                Attribute::Inner
            } else {
                Attribute::Outer
            }
        }
        _ => Attribute::Other,
    }
}

fn is_for_tests(attribute: &Group) -> bool {
    let path: Vec<String> = attribute
        .stream()
        .into_iter()
        .filter_map(|tree| match tree {
            TokenTree::Ident(ident) => Some(ident.to_string()),
            _ => None,
        })
        .collect();
    if path.first().is_some_and(|name| name == "cfg") {
        let mut inside = Vec::new();
        flatten(attribute.stream(), Part::Everything, &mut inside);
        let has = |word: &str| inside.iter().any(|token| token.text == word);
        return has("test") && !has("not");
    }
    path.last().is_some_and(|name| name == "test")
}

/// The index after the item that starts at `index`: after its `;` or its braces.
fn end_of_item(trees: &[TokenTree], index: usize) -> usize {
    let ends = |tree: &TokenTree| match tree {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    };
    trees[index..]
        .iter()
        .position(ends)
        .map_or(trees.len(), |offset| index + offset + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str, part: Part) -> Vec<String> {
        let tokens = tokens(source, part).unwrap();
        tokens.into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_strings_are_no_names() {
        let found = texts("// axum\n/* axum */ let x = \"axum\";", Part::Everything);
        assert_eq!(found, ["let", "x", "=", "\"axum\"", ";"]);
    }

    #[test]
    fn test_code_is_left_out_and_what_follows_it_is_not() {
        for source in [
            "#[cfg(test)] mod tests { axum } after",
            "#[cfg(all(test, unix))] use axum::x; after",
            "#[test] fn f() { axum } after",
            "#[tokio::test(flavor = \"x\")] async fn f() { axum } after",
        ] {
            assert_eq!(texts(source, Part::WithoutTests), ["after"], "{source}");
        }
        assert_eq!(
            texts("#![cfg(test)] use axum;", Part::WithoutTests),
            [""; 0]
        );
        let shipped = "#[cfg(not(test))] use axum;";
        assert!(texts(shipped, Part::WithoutTests).contains(&"axum".to_owned()));
    }

    #[test]
    fn a_token_knows_its_line() {
        let found = tokens("a\n\n{ b::c }", Part::Everything).unwrap();
        let at = |text: &str| found.iter().find(|t| t.text == text).unwrap().line;
        assert_eq!([at("a"), at("{"), at("::"), at("c")], [1, 3, 3, 3]);
    }

    #[test]
    fn source_that_cannot_be_read_is_an_error() {
        assert!(tokens("fn f( {", Part::Everything).is_err());
    }
}

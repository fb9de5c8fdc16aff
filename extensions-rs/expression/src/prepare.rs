//! A text made ready for the parser: `[*]` as a field, and nothing in it that would overflow a stack.

use crate::error::{Error, ErrorKind};
use crate::path::EACH;
use crate::scan::Pieces;

/// Brackets that may be open at once; the parser's stack grows with them before its own bound counts them.
const OPEN_BRACKETS_MAX: usize = 48;

/// Operators and selectors in a row, each a level of the parser's tree: far above `DEPTH_MAX`, below any stack.
const CHAIN_MAX: usize = 512;

/// What would make the parser's stack deep, or that of whoever walks or drops its tree.
#[derive(Default)]
struct Nesting {
    /// For each open bracket the operators and selectors before it, since the last comma: each is a level of the tree.
    chains: Vec<usize>,
    chain: usize,
    /// `!` and `-` in a row.
    signs: usize,
    questions: usize,
}

impl Nesting {
    fn follow(&mut self, text: &str) -> Result<(), Error> {
        match text {
            "(" | "[" | "{" => {
                self.chains.push(self.chain + 1);
                self.chain = 0;
            }
            ")" | "]" | "}" => self.chain = self.chains.pop().unwrap_or(self.chain),
            "," => self.chain = 0,
            "." | "+" | "-" | "*" | "/" | "%" | "<" | ">" | "=" => self.chain += 1,
            "?" => self.questions += 1,
            _ => {}
        }
        self.signs = match text {
            "!" | "-" => self.signs + 1,
            " " | "\t" | "\n" | "\r" => self.signs,
            _ => 0,
        };
        let open = self.chains.len() + self.questions;
        if open > OPEN_BRACKETS_MAX || self.signs > OPEN_BRACKETS_MAX || self.chain > CHAIN_MAX {
            return Err(Error::new(
                ErrorKind::Limit,
                "the expression is nested too deeply",
            ));
        }
        Ok(())
    }
}

/// `[*]` becomes a field that the parser can read; what nests is counted.
pub fn prepare(text: &str) -> Result<String, Error> {
    if text.contains(EACH) {
        return Err(Error::new(
            ErrorKind::Syntax,
            format!("`{EACH}` cannot be a name"),
        ));
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut nesting = Nesting::default();
    let mut pieces = Pieces::new(text);
    while let Some(piece) = pieces.next() {
        let rest = text.get(piece.at..).unwrap_or_default();
        if piece.in_string {
            nesting.signs = 0;
            out.push_str(piece.text);
        } else if rest.starts_with("[*]") {
            nesting.follow(".")?;
            out.push('.');
            out.push_str(EACH);
            pieces.nth(1);
        } else {
            nesting.follow(piece.text)?;
            out.push_str(piece.text);
        }
    }
    Ok(out)
}

/// The column, from 1, in the text as it was written.
pub fn column(prepared: &str, at: usize) -> u64 {
    let at = (0..=at.min(prepared.len()))
        .rev()
        .find(|at| prepared.is_char_boundary(*at));
    let before = prepared.get(..at.unwrap_or_default()).unwrap_or_default();
    let inserted = before.matches(EACH).count() * (EACH.len() + 1 - "[*]".len());
    u64::try_from(before.chars().count().saturating_sub(inserted)).unwrap_or_default() + 1
}

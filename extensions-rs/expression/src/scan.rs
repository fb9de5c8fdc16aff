//! Where the strings of an expression are: brackets and braces inside of them mean nothing.

/// A piece of a text: where it begins, what it is, and whether it belongs to a string.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece<'a> {
    pub at: usize,
    pub text: &'a str,
    pub in_string: bool,
}

#[derive(Clone, Copy)]
struct Quote {
    mark: char,
    triple: bool,
    raw: bool,
}

/// Reads a text character by character (quotes of `'''` and escaped characters as one piece), as CEL's lexer would.
pub struct Pieces<'a> {
    text: &'a str,
    at: usize,
    quote: Option<Quote>,
}

impl<'a> Pieces<'a> {
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            quote: None,
        }
    }

    /// Whether the quote at `at` is that of `r'...'`, where a backslash is a character.
    fn is_raw(&self, at: usize) -> bool {
        let before = self.text.get(..at).unwrap_or_default();
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let start = before.trim_end_matches(word).len();
        let prefix = before.get(start..).unwrap_or_default();
        matches!(prefix.to_ascii_lowercase().as_str(), "r" | "br" | "rb")
    }

    fn take(&mut self, count: usize, in_string: bool) -> Option<Piece<'a>> {
        let at = self.at;
        let text = self.text.get(at..at + count)?;
        self.at += count;
        Some(Piece { at, text, in_string })
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let rest = self.text.get(self.at..)?;
        let c = rest.chars().next()?;
        let triple = |mark: char| rest.chars().take(3).filter(|c| *c == mark).count() == 3;
        match self.quote {
            None if c == '"' || c == '\'' => {
                let triple = triple(c);
                let raw = self.is_raw(self.at);
                self.quote = Some(Quote { mark: c, triple, raw });
                self.take(if triple { 3 } else { 1 }, true)
            }
            None => self.take(c.len_utf8(), false),
            Some(quote) if c == '\\' && !quote.raw => {
                let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
                self.take(1 + escaped, true)
            }
            Some(quote) if c == quote.mark && (!quote.triple || triple(c)) => {
                self.quote = None;
                self.take(if quote.triple { 3 } else { 1 }, true)
            }
            Some(_) => self.take(c.len_utf8(), true),
        }
    }
}

/// The place of the `}` that closes a `${` standing before `text`.
pub fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for piece in Pieces::new(text).filter(|piece| !piece.in_string) {
        match piece.text {
            "{" => depth += 1,
            "}" if depth == 0 => return Some(piece.at),
            "}" => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The column, from 1, of the first place outside of strings where `needle` stands as a word of its own.
pub fn column_of(text: &str, needle: &str) -> Option<u64> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (mut before, mut column) = (' ', 1_usize);
    for piece in Pieces::new(text) {
        let rest = text.get(piece.at..).unwrap_or_default();
        let ends = |rest: &str| !rest.starts_with(word);
        if !piece.in_string && !word(before) && before != '.' && rest.strip_prefix(needle).is_some_and(ends) {
            return u64::try_from(column).ok();
        }
        column += piece.text.chars().count();
        before = piece.text.chars().next_back().unwrap_or(' ');
    }
    None
}

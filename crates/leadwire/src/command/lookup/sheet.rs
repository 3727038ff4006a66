//! A CSV file as spreadsheets and people write it: its encoding, its separator, its quotes, and its rows with an editor's line numbers.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::borrow::Cow;
use std::fmt;

/// Something that is wrong in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) line: u64,
    pub(super) what: String,
}

impl Complaint {
    pub(super) fn new(line: u64, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { line, what }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// A row that is not empty, without the blanks around its cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) cells: Vec<String>,
}

/// The rows of a file, the first of which names the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sheet {
    /// The name of its encoding, where it is none of Unicode's.
    pub(super) guessed: Option<&'static str>,
    pub(super) heading: Row,
    pub(super) rows: Vec<Row>,
}

/// What separates cells, the likeliest first.
const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];

/// Reads a file. `is_column` says whether a cell is the name of a column that is looked for: it decides what separates them.
pub(super) fn read(bytes: &[u8], is_column: impl Fn(&str) -> bool) -> Result<Sheet, Complaint> {
    if let Some(what) = other_format(bytes) {
        let advice = "save it as CSV (UTF-8)";
        return Err(Complaint::new(
            1,
            format!("this is {what}, not CSV; {advice}"),
        ));
    }
    let (text, guessed) = decode(bytes)?;
    if let Some(at) = text.find('\0') {
        let what = "NUL characters: this is no text, or text in an unknown encoding; save it as CSV (UTF-8)";
        return Err(Complaint::new(line_at(&text, at), what));
    }
    let (separator, rest) = match named_separator(&text) {
        Some(named) => named,
        None => (likely_separator(&text, is_column), &*text),
    };
    let before = line_at(&text, text.len() - rest.len()) - 1;
    let mut rows = rows(rest, separator, before)?.into_iter();
    let heading = rows.next();
    let heading = heading.ok_or_else(|| Complaint::new(1, "the file is empty"))?;
    Ok(Sheet {
        guessed,
        heading,
        rows: rows.collect(),
    })
}

/// What a file is, by its first bytes, where it is no CSV at all.
fn other_format(bytes: &[u8]) -> Option<&'static str> {
    match bytes.trim_ascii_start() {
        [b'P', b'K', 3, 4, ..] => Some("a workbook (.xlsx or .ods)"),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Some("a workbook (.xls)"),
        [b'%', b'P', b'D', b'F', ..] => Some("a PDF"),
        [b'{' | b'[', ..] => Some("JSON"),
        [b'<', ..] => Some("HTML or XML"),
        _ => None,
    }
}

/// The text, and the name of its encoding where that is a guess.
fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, Option<&'static str>), Complaint> {
    let utf16 = match (Encoding::for_bom(bytes), bytes) {
        (Some((encoding, _)), _) => (encoding != encoding_rs::UTF_8).then_some(encoding),
        // The first character of a heading, without a mark before it.
        (None, [1..=255, 0, ..]) => Some(UTF_16LE),
        (None, [0, 1..=255, ..]) => Some(UTF_16BE),
        (None, _) => None,
    };
    if let Some(encoding) = utf16 {
        let (text, is_damaged) = encoding.decode_with_bom_removal(bytes);
        let at = text.find('\u{fffd}').filter(|_| is_damaged);
        return match at {
            Some(at) => Err(Complaint::new(line_at(&text, at), "this is damaged UTF-16")),
            None => Ok((text, None)),
        };
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let Err(error) = std::str::from_utf8(bytes) else {
        return Ok((String::from_utf8_lossy(bytes), None));
    };
    let (good, _) = bytes.split_at(error.valid_up_to());
    let good = String::from_utf8_lossy(good);
    let line = line_at(&good, good.len());
    if bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii()) {
        let what = "this is not UTF-8, though other parts of the file are; save it as CSV (UTF-8)";
        return Err(Complaint::new(line, what));
    }
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
    if let Some(at) = text.find(|c: char| matches!(c, '\u{80}'..='\u{9f}')) {
        let what = "this is neither UTF-8 nor Windows-1252; save it as CSV (UTF-8)";
        return Err(Complaint::new(line_at(&text, at), what));
    }
    Ok((text, Some("Windows-1252 (Latin-1)")))
}

/// The separator that the first line names for Excel, `sep=;`, and what follows that line.
fn named_separator(text: &str) -> Option<(char, &str)> {
    let end = text.find(['\r', '\n'])?;
    let (line, rest) = text.split_at(end);
    let rest = rest.strip_prefix("\r\n").or_else(|| rest.get(1..))?;
    let line = line.trim_start_matches('"');
    let named = line.get(4..).filter(|_| {
        let name = line.get(..4);
        name.is_some_and(|name| name.eq_ignore_ascii_case("sep="))
    })?;
    let separator = named.chars().next()?;
    let is_one = separator.is_ascii()
        && !separator.is_ascii_alphanumeric()
        && !matches!(separator, '"' | ' ');
    // A spreadsheet that wrote it again has quoted it, and filled it up with empty cells.
    let is_alone = |c: char| c == separator || c == '"' || SEPARATORS.contains(&c);
    (is_one && named.chars().all(is_alone)).then_some((separator, rest))
}

/// The separator of the first row that is not empty: the one that finds most of the columns that are looked for, then most columns.
fn likely_separator(text: &str, is_column: impl Fn(&str) -> bool) -> char {
    let mut lines = text.split(['\r', '\n']);
    let heading = lines.find(|line| line.chars().any(char::is_alphanumeric));
    let heading = heading.unwrap_or(text);
    let score = |separator: &char| {
        let cells = || heading.split(*separator);
        let known = cells().filter(|cell| is_column(cell.trim().trim_matches('"')));
        (known.count(), cells().count())
    };
    // Of equals the last one counts.
    let likeliest = SEPARATORS.into_iter().rev().max_by_key(score);
    likeliest.unwrap_or(',')
}

/// The rows that are not empty. `before` lines stand before the text.
fn rows(text: &str, separator: char, before: u64) -> Result<Vec<Row>, Complaint> {
    let text = with_sound_quotes(text, separator)
        .map_err(|Complaint { line, what }| Complaint::new(before + line, what))?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(u8::try_from(separator).unwrap_or(b','))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut lines = Lines::of(&text);
    let mut rows = Vec::new();
    for record in reader.records() {
        let unreadable = |error: csv::Error| Complaint::new(before + lines.line, error.to_string());
        let record = record.map_err(unreadable)?;
        let at = record.position().map_or(0, csv::Position::byte);
        let line = before + lines.of_record(usize::try_from(at).unwrap_or(usize::MAX));
        let cells: Vec<String> = record.iter().map(|cell| cell.trim().to_owned()).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            rows.push(Row { line, cells });
        }
    }
    Ok(rows)
}

/// Counts lines as editors do: CR LF, LF and CR each end one.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
        }
    }

    /// The line in which a record begins: behind the ends of lines that stand at its place.
    fn of_record(&mut self, at: usize) -> u64 {
        let rest = self.text.get(at..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
        let to = (at + blank).max(self.at);
        self.line += ends_of_lines(self.text.get(self.at..to).unwrap_or_default());
        self.at = to;
        self.line
    }
}

/// The line of a place.
fn line_at(text: &str, at: usize) -> u64 {
    1 + ends_of_lines(text.get(..at).unwrap_or(text))
}

fn ends_of_lines(text: &str) -> u64 {
    let ends = text.matches(['\r', '\n']).count() - text.matches("\r\n").count();
    u64::try_from(ends).unwrap_or(u64::MAX)
}

/// Where a reader of quotes is.
#[derive(Clone, Copy)]
enum At {
    CellStart,
    Bare,
    /// Behind the quote at this place.
    Quoted(usize),
    /// Behind the quote that closes the one at this place, and behind blanks.
    Closed(usize, bool),
}

/// The text without the blanks that stand between a separator and a quote, which would make the quote a part of the cell.
///
/// A CSV reader takes what an unclosed quote swallows for a long cell: so whole rows are lost without a word. Here it is a complaint.
fn with_sound_quotes(text: &str, separator: char) -> Result<String, Complaint> {
    let mut sound = String::with_capacity(text.len());
    let mut at = At::CellStart;
    for (place, c) in text.char_indices() {
        let ends_cell = c == separator || matches!(c, '\r' | '\n');
        at = match at {
            At::CellStart | At::Bare | At::Closed(..) if ends_cell => At::CellStart,
            At::CellStart if c == '"' => {
                sound.truncate(sound.trim_end_matches([' ', '\u{a0}']).len());
                At::Quoted(place)
            }
            At::CellStart if matches!(c, ' ' | '\u{a0}') => At::CellStart,
            At::CellStart | At::Bare => At::Bare,
            At::Quoted(from) if c == '"' => At::Closed(from, false),
            At::Quoted(from) => At::Quoted(from),
            At::Closed(from, false) if c == '"' => At::Quoted(from),
            At::Closed(from, _) if c.is_whitespace() => At::Closed(from, true),
            At::Closed(from, _) => {
                let end = line_at(text, place);
                let what = format!(
                    "a cell's quote opens here and closes within a cell in line {end}; in a quoted cell write \" as \"\""
                );
                return Err(Complaint::new(line_at(text, from), what));
            }
        };
        sound.push(c);
    }
    if let At::Quoted(from) = at {
        let what =
            "a cell's quote opens here and is never closed: it would swallow all that follows";
        return Err(Complaint::new(line_at(text, from), what));
    }
    Ok(sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(bytes: &[u8]) -> Result<Sheet, Complaint> {
        read(bytes, |cell| cell.eq_ignore_ascii_case("lead_id"))
    }

    /// The rows as text: line, colon, cells.
    fn shown(sheet: &Sheet) -> Vec<String> {
        let rows = [&sheet.heading].into_iter().chain(&sheet.rows);
        rows.map(|row| format!("{}:{}", row.line, row.cells.join("|")))
            .collect()
    }

    #[track_caller]
    fn check(bytes: impl AsRef<[u8]>, expected: &[&str]) {
        let bytes = bytes.as_ref();
        let read = sheet(bytes).map(|sheet| shown(&sheet));
        assert_eq!(
            read.unwrap(),
            expected,
            "{:?}",
            String::from_utf8_lossy(bytes)
        );
    }

    #[track_caller]
    fn check_complaint(bytes: impl AsRef<[u8]>, line: u64, part: &str) {
        let bytes = bytes.as_ref();
        let complaint = sheet(bytes).unwrap_err();
        assert_eq!(complaint.line, line, "{complaint}");
        assert!(complaint.what.contains(part), "{complaint}");
        assert!(complaint.to_string().starts_with(&format!("line {line}: ")));
    }

    fn utf16(text: &str, to_bytes: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    const READ: &[&str] = &["1:lead_id|owner", "2:a|Zoë"];

    #[test]
    fn cells_are_parted_by_whatever_a_spreadsheet_parts_them_by() {
        check("lead_id,owner\na,Zoë\n", READ);
        check("lead_id;owner\na;Zoë\n", READ);
        check("lead_id\towner\r\na\tZoë\r\n", READ);
        check("lead_id|owner\ra|Zoë", READ);
        check("\"lead_id\";\"owner\"\n\"a\";\"Zoë\"", READ);
        // The heading has more of one, and what is looked for says that the other one parts.
        check(
            "lead_id;owner, first, last\na;Zoë\n",
            &["1:lead_id|owner, first, last", "2:a|Zoë"],
        );
        check("lead_id;a,b\nx;1,5\n", &["1:lead_id|a,b", "2:x|1,5"]);
    }

    #[test]
    fn the_separator_that_the_first_line_names_counts_and_the_line_is_counted() {
        for first in ["sep=;\r\n", "SEP=;\n", "\"sep=;\"\r", "sep=;;;;\n"] {
            let text = format!("{first}lead_id;owner\na;Zoë\n");
            check(text, &["2:lead_id|owner", "3:a|Zoë"]);
        }
        check(
            "sep=\t\nlead_id\to,w\na\tZoë",
            &["2:lead_id|o,w", "3:a|Zoë"],
        );
        check(
            "sep=^\nlead_id^owner\na^Zoë",
            &["2:lead_id|owner", "3:a|Zoë"],
        );
    }

    #[test]
    fn a_file_is_text_in_whatever_encoding_it_was_saved() {
        let text = "lead_id;owner\r\na;Zoë\r\n";
        check(format!("\u{feff}{text}"), READ);
        let marked = format!("\u{feff}{text}");
        for text in [text, &marked] {
            check(utf16(text, u16::to_le_bytes), READ);
            check(utf16(text, u16::to_be_bytes), READ);
        }
        assert_eq!(sheet(text.as_bytes()).unwrap().guessed, None);
        let latin = sheet(b"lead_id;owner\na;Zo\xeb\n").unwrap();
        assert_eq!(shown(&latin), READ);
        assert_eq!(latin.guessed, Some("Windows-1252 (Latin-1)"));
        let euro = sheet(b"lead_id,owner\na,\x80\n").unwrap();
        assert_eq!(shown(&euro)[1], "2:a|€");
    }

    #[test]
    fn an_encoding_that_cannot_be_told_is_a_complaint_with_its_line() {
        check_complaint("lead_id,o\nb,Zoë\nc,Zo\u{0}".as_bytes(), 3, "NUL");
        let mixed = [b"lead_id,o\r\nb,Zo\xc3\xab\r\nc,Zo\xeb\r\n".as_slice()].concat();
        check_complaint(mixed, 3, "not UTF-8, though other parts");
        check_complaint(b"lead_id,o\nb,\x81\n", 2, "neither UTF-8 nor Windows-1252");
        let mut cut = utf16("\u{feff}lead_id,o\na,b", u16::to_le_bytes);
        cut.pop();
        check_complaint(cut, 2, "damaged UTF-16");
    }

    #[test]
    fn what_is_no_csv_is_told_what_it_is() {
        check_complaint(b"PK\x03\x04rest", 1, "a workbook (.xlsx or .ods)");
        check_complaint(b"\xd0\xcf\x11\xe0rest", 1, "a workbook (.xls)");
        check_complaint("\n[{\"lead_id\":1}]", 1, "JSON");
        check_complaint("<html><table>", 1, "HTML");
        for empty in ["", "\u{feff}", "\r\n\r\n", ";;;\n", "sep=;\n"] {
            check_complaint(empty, 1, "empty");
        }
    }

    #[test]
    fn empty_rows_are_passed_over_and_lines_are_counted_as_an_editor_does() {
        for end in ["\n", "\r\n", "\r"] {
            let text = [
                "",
                "lead_id,o",
                "",
                ",",
                "a,\"x",
                "y\"",
                "",
                "",
                "b, z ",
                "",
            ]
            .join(end);
            let cell = format!("5:a|x{end}y");
            check(text, &["2:lead_id|o", &cell, "9:b|z"]);
        }
    }

    #[test]
    fn a_quote_that_would_swallow_rows_is_a_complaint_about_the_line_in_which_it_opens() {
        for end in ["\n", "\r\n", "\r"] {
            let never = ["lead_id,o", "a,Omar", "b,\"Ann", "c,Olga", ""].join(end);
            check_complaint(never, 3, "never closed");
            let within = ["lead_id,o", "a,\"Ann", "b,\"Bob\"", "c,Olga"].join(end);
            check_complaint(within, 2, "closes within a cell in line 3");
            let named = ["sep=,", "lead_id,o", "a,\"Ann", ""].join(end);
            check_complaint(named, 3, "never closed");
        }
        check_complaint(
            "lead_id,o\na,\"Ann\" Lee\n",
            2,
            "closes within a cell in line 2",
        );
    }

    #[test]
    fn quotes_that_are_closed_belong_to_the_form_and_others_to_the_cell() {
        for (cell, expected) in [
            ("\"Ann, Lee\"", "Ann, Lee"),
            ("\"Ann \"\"Bo\"\" Lee\"", "Ann \"Bo\" Lee"),
            (" \"Ann\" ", "Ann"),
            ("\"\"", ""),
            ("Ann \"Bo\" Lee", "Ann \"Bo\" Lee"),
        ] {
            let text = format!("lead_id,o\na,{cell}\n");
            check(text, &["1:lead_id|o", &format!("2:a|{expected}")]);
        }
    }
}

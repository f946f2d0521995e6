//! Timed words, and the files that hold them: SRT, WebVTT and ASS. What styles a file gives single words is left out: the
//! element's own style counts.

use serde::{Deserialize, Serialize};

/// Words and their time, seconds from the element's start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cue {
    pub start: f64,
    pub end: f64,
    pub text: String,
}

/// The cues of a file, in order of their starts; those without words or time are left out.
pub fn parse(file: &str) -> Vec<Cue> {
    let file = file.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let is_ass = file.trim_start().starts_with("[Script Info]") || file.lines().any(|line| line.trim() == "[Events]");
    let mut cues = if is_ass { ass(&file) } else { blocks(&file) };
    cues.retain(|cue| cue.end > cue.start && !cue.text.is_empty());
    cues.sort_by(|a, b| a.start.total_cmp(&b.start));
    cues
}

/// Cues of which no two are there at once, in order: where some overlap, one has the words of all, of those that began first above.
/// Takes their bytes from what is `left`; `None` where there are more.
pub fn apart(mut cues: Vec<Cue>, left: &mut usize) -> Option<Vec<Cue>> {
    cues.sort_by(|a, b| a.start.total_cmp(&b.start));
    let mut edges: Vec<f64> = cues.iter().flat_map(|cue| [cue.start, cue.end]).collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    let mut coming = cues.iter().peekable();
    let mut there: Vec<&Cue> = Vec::new();
    let mut shown = Vec::new();
    for pair in edges.windows(2) {
        there.retain(|cue| cue.end > pair[0]);
        there.extend(std::iter::from_fn(|| coming.next_if(|cue| cue.start <= pair[0])));
        if !there.is_empty() {
            let words: Vec<&str> = there.iter().map(|cue| cue.text.as_str()).collect();
            let text = words.join("\n");
            *left = left.checked_sub(text.len())?;
            shown.push(Cue { start: pair[0], end: pair[1], text });
        }
    }
    Some(shown)
}

/// Whether a cue goes on in the one after it, with others or without.
pub fn goes_on(cue: &Cue, next: &Cue) -> bool {
    cue.end == next.start && cue.text.lines().any(|line| next.text.lines().any(|other| other == line))
}

/// SRT and WebVTT: a line of two times and then its words. Of WebVTT they end at an empty line or an arrow; of SRT, whose writers leave
/// empty lines among them, where the next begins, perhaps with its number.
fn blocks(file: &str) -> Vec<Cue> {
    let is_web = file.trim_start().starts_with("WEBVTT");
    let lines: Vec<&str> = file.lines().collect();
    let spans: Vec<Option<(f64, f64)>> = lines.iter().map(|line| span(line)).collect();
    let next_starts = |at: usize| {
        let next = (at + 1..lines.len()).find(|next| !lines[*next].trim().is_empty());
        next.is_some_and(|next| spans[next].is_some())
    };
    let is_number = |line: &str| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
    let ends = |at: usize| match lines[at].trim() {
        line if is_web => line.is_empty() || line.contains("-->"),
        line => spans[at].is_some() || is_number(line) && next_starts(at),
    };
    let cue = |at: usize| {
        let (start, end) = spans[at]?;
        let words = (at + 1..lines.len()).take_while(|at| !ends(*at)).map(|at| lines[at]);
        let words: Vec<String> = words.filter(|line| !line.trim().is_empty()).map(without_marks).collect();
        Some(Cue { start, end, text: words.join("\n").trim().to_owned() })
    };
    (0..lines.len()).filter_map(cue).collect()
}

/// `00:01:02,500 --> 00:01:04.000 align:left`
fn span(line: &str) -> Option<(f64, f64)> {
    let (start, rest) = line.split_once("-->")?;
    Some((time(start)?, time(rest.split_whitespace().next()?)?))
}

/// Hours, which may be missing, minutes and seconds.
fn time(text: &str) -> Option<f64> {
    let text = text.trim().replace(',', ".");
    let parts: Vec<f64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let seconds = parts.iter().fold(0.0, |sum, part| sum * 60.0 + part);
    ((2..=3).contains(&parts.len()) && seconds.is_finite() && seconds >= 0.0).then_some(seconds)
}

/// Without tags (`<i>`), overrides (`{\an8}`) and entities; `<br>` is the end of a line.
fn without_marks(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    // Bytes from the last of each to the end: what has fewer is closed by none, and is not looked through again and again.
    let after_last = |close| line.rfind(close).map_or(usize::MAX, |at| line.len() - at);
    let (after_angle, after_brace) = (after_last('>'), after_last('}'));
    while let Some(at) = rest.find(['<', '{']) {
        out.push_str(&rest[..at]);
        let opened = &rest[at..];
        let next = opened[1..].chars().next();
        let is_tag = match opened.starts_with('<') {
            true => next.is_some_and(|c| c.is_ascii_alphanumeric() || c == '/'),
            false => next == Some('\\'),
        };
        let (close, after) = if opened.starts_with('<') { ('>', after_angle) } else { ('}', after_brace) };
        let closes = is_tag && opened.len() >= after;
        match closes.then(|| opened.find(close)).flatten() {
            Some(end) => {
                let name = opened[1..end].trim_end_matches(['/', ' ']);
                out.push_str(if name.eq_ignore_ascii_case("br") { "\n" } else { "" });
                rest = &opened[end + 1..];
            }
            None => {
                out.push_str(&opened[..1]);
                rest = &opened[1..];
            }
        }
    }
    out.push_str(rest);
    html_escape::decode_html_entities(&out).into_owned()
}

/// The words of a line of ASS, as libass shows them: without what braces hold, overrides as well as remarks, and without the commands
/// of a drawing, from `{\p1}` to `{\p0}`.
fn words_of_ass(text: &str) -> String {
    let (mut out, mut rest, mut draws) = (String::with_capacity(text.len()), text, false);
    // What no brace closes is shown.
    let after_last = text.rfind('}').map_or(usize::MAX, |at| text.len() - at);
    while let Some(at) = rest.find(['\\', '{']) {
        let (words, marked) = rest.split_at(at);
        let mut shown = |words: &str| out.push_str(if draws { "" } else { words });
        shown(words);
        let escape = ["\\N\n", "\\n ", "\\h\u{a0}", "\\{{", "\\}}"].into_iter().find(|escape| marked.starts_with(&escape[..2]));
        if let Some(escape) = escape {
            shown(&escape[2..]);
            rest = &marked[2..];
        } else if let Some(end) = marked.find('}').filter(|_| marked.starts_with('{') && marked.len() >= after_last) {
            let mut levels = marked[1..end].split('\\').filter_map(|mark| mark.strip_prefix('p')?.trim().parse::<u32>().ok());
            draws = levels.next_back().map_or(draws, |level| level > 0);
            rest = &marked[end + 1..];
        } else {
            shown(&marked[..1]);
            rest = &marked[1..];
        }
    }
    out.push_str(if draws { "" } else { rest });
    out
}

/// The lines `Dialogue:` of an ASS or SSA file, by the order of fields that its `Format:` says.
fn ass(file: &str) -> Vec<Cue> {
    let mut fields =
        ["Layer", "Start", "End", "Style", "Name", "MarginL", "MarginR", "MarginV", "Effect", "Text"].map(String::from).to_vec();
    let mut cues = Vec::new();
    let mut in_events = false;
    for line in file.lines() {
        let line = line.trim();
        if line.starts_with('[') {
            in_events = line.eq_ignore_ascii_case("[Events]");
        } else if let Some(format) = line.strip_prefix("Format:").filter(|_| in_events) {
            fields = format.split(',').map(|field| field.trim().to_owned()).collect();
        } else if let Some(dialogue) = line.strip_prefix("Dialogue:") {
            // The last field is the words, commas and all.
            let values: Vec<&str> = dialogue.splitn(fields.len().max(1), ',').collect();
            let value = |name: &str| {
                let at = fields.iter().position(|field| field.eq_ignore_ascii_case(name))?;
                values.get(at).map(|value| value.trim())
            };
            if let (Some(start), Some(end), Some(text)) =
                (value("Start").and_then(time), value("End").and_then(time), value("Text"))
            {
                cues.push(Cue { start, end, text: words_of_ass(text).trim().to_owned() });
            }
        }
    }
    cues
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(start: f64, end: f64, text: &str) -> Cue {
        Cue { start, end, text: text.into() }
    }

    #[test]
    fn srt_with_its_marks() {
        let file = "\u{feff}1\r\n00:00:01,500 --> 00:00:03,000\r\n<i>Hello</i>, {\\an8}world\r\nsecond line\r\n\r\n2\r\n01:00:00,000 --> 01:00:01,000\r\n1 < 2 & {3}\r\n";
        assert_eq!(parse(file), [cue(1.5, 3.0, "Hello, world\nsecond line"), cue(3600.0, 3601.0, "1 < 2 & {3}")]);
    }

    #[test]
    fn srt_with_empty_lines_among_its_words() {
        let file = "1\n00:01,000 --> 00:02,000\none\n\n42\n\nthree\n\n2\n00:03,000 --> 00:04,000\n\n3\n00:05,000 --> 00:06,000\nlast\n\n";
        assert_eq!(parse(file), [cue(1.0, 2.0, "one\n42\nthree"), cue(5.0, 6.0, "last")]);
        assert_eq!(parse("1\n00:01,000 --> 00:02,000\none<br>two<BR />three\n"), [cue(1.0, 2.0, "one\ntwo\nthree")]);
    }

    #[test]
    fn srt_of_doubled_line_ends_has_no_numbers_among_its_words() {
        let file = "1\r\r\n00:01,000 --> 00:02,000\r\r\nHello\r\r\n\r\r\n2\r\r\n00:03,000 --> 00:04,000\r\r\nthere\r\r\n";
        assert_eq!(parse(file), [cue(1.0, 2.0, "Hello"), cue(3.0, 4.0, "there")]);
    }

    #[test]
    fn times_that_follow_each_other_are_cues_of_their_own() {
        let many = format!("WEBVTT\n\n{}last\n", "00:00.000 --> 00:01.000\n".repeat(50_000));
        assert_eq!(parse(&many), [cue(0.0, 1.0, "last")]);
        assert_eq!(parse(many.strip_prefix("WEBVTT").unwrap()), [cue(0.0, 1.0, "last")]);
        let file = "WEBVTT\n\n00:01.000 --> 00:02.000\none\n00:03.000 --> 00:04.000\ntwo\n";
        assert_eq!(parse(file), [cue(1.0, 2.0, "one"), cue(3.0, 4.0, "two")]);
    }

    #[test]
    fn webvtt_with_settings_notes_and_entities() {
        let file = "WEBVTT\n\nNOTE a remark\n\nintro\n00:02.000 --> 00:03.500 align:start\n<v Ann>Fish &amp; chips</v>\n\n00:00.000 --> 00:01.000\nIt&#39;s &quot;q&quot; &hellip; &#x2764; &amp;lt;\n";
        assert_eq!(parse(file), [cue(0.0, 1.0, "It's \"q\" … ❤ &lt;"), cue(2.0, 3.5, "Fish & chips")]);
    }

    #[test]
    fn ass_by_its_own_order_of_fields() {
        let file = "[Script Info]\nTitle: x\n\n[Events]\nFormat: Start, End, Style, Text\nDialogue: 0:00:01.00,0:00:02.50,Main,{\\b1}One{\\b0}, two\\Nthree\nComment: 0:00:01.00,0:00:02.50,Main,no\n";
        assert_eq!(parse(file), [cue(1.0, 2.5, "One, two\nthree")]);
    }

    #[test]
    fn of_ass_only_the_words_are_shown() {
        for (line, words) in [
            ("{\\an8\\p1}m 0 0 l 5 5{\\p0}sign{\\pos(1,2)} here", "sign here"),
            ("{\\p2}m 0 0 {\\bord0}l 5 5", ""),
            ("{a remark}x", "x"),
            ("\\{lit\\}, soft\\nbreak, hard\\Nbreak", "{lit}, soft break, hard\nbreak"),
            ("a \\q {b} c { d \\", "a \\q  c { d \\"),
            ("<i>1 &lt; 2</i>", "<i>1 &lt; 2</i>"),
        ] {
            assert_eq!(words_of_ass(line), words);
        }
        let many = "{".repeat(200_000);
        assert_eq!(words_of_ass(&many), many);
    }

    #[test]
    fn cues_that_overlap_share_their_time() {
        let cues = vec![cue(1.0, 3.0, "b"), cue(0.0, 2.0, "a"), cue(2.0, 2.5, "c"), cue(4.0, 5.0, "d")];
        let shown = [cue(0.0, 1.0, "a"), cue(1.0, 2.0, "a\nb"), cue(2.0, 2.5, "b\nc"), cue(2.5, 3.0, "b"), cue(4.0, 5.0, "d")];
        let mut left = 10;
        assert_eq!(apart(cues.clone(), &mut left).as_deref(), Some(&shown[..]));
        assert_eq!((left, apart(cues, &mut 8)), (1, None));
        let goes_on: Vec<bool> = shown.windows(2).map(|pair| goes_on(&pair[0], &pair[1])).collect();
        assert_eq!(goes_on, [true, true, true, false]);
    }

    #[test]
    fn nonsense_has_no_cues() {
        for file in ["", "hello", "00:01 --> ", "-->", "a:b --> c:d\nx", "00:02.000 --> 00:01.000\nbackwards", "{", "<"] {
            assert_eq!(parse(file), [], "{file:?}");
        }
    }
}

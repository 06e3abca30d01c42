//! What `plotters` draws on: an SVG whose shapes have classes instead of colours, so that a page decides how they look.
//!
//! Does not know axes or data.

use std::{cell::RefCell, convert::Infallible, fmt::Write as _};

use plotters::{
    prelude::RGBColor,
    style::text_anchor::{HPos, VPos},
};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};

use crate::html::escape;

/// `plotters` counts in whole numbers; ten of them are one unit of the picture.
pub(crate) const FINE: i32 = 10;
/// Width of every picture in units; text of 11 units is read on a phone, where a unit is about a pixel.
pub(crate) const WIDTH: f64 = 360.0;
/// Series that differ in colour and dashes.
pub(crate) const COLOURS: usize = 8;

/// What a shape is; it travels through `plotters` as a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Text beside data.
    Soft,
    /// Text that counts.
    Strong,
    /// Text on a dark square.
    On,
    /// A line of the grid.
    Grid,
    /// An axis.
    Axis,
    /// A line to compare with.
    Guide,
    /// Room that could be filled.
    Room,
    /// A line of a series.
    Line(usize),
    /// A line of a part of a series.
    Faint(usize),
    /// A line of a series that is never dashed.
    Solid(usize),
    /// A filled shape of a series.
    Fill(usize),
    /// How far a series spreads.
    Band(usize),
    /// A dot of a series, through which others are seen.
    Dot(usize),
    /// Many equal dots of a series, drawn as one shape.
    Dots(usize),
    /// Text of a series.
    Text(usize),
    /// The line of a median.
    Median,
    /// The ring of a mean.
    Ring,
    /// Text over marks.
    Name,
    /// Many equal crosses of a series, drawn as one shape.
    Cross(usize),
    /// Many equal upward strokes of a series, drawn as one shape.
    Tick(usize),
    /// A dot that is not filled.
    Open(usize),
    /// The line of what is best.
    Crown,
    /// The dot of what is best.
    Top,
    /// A line in a shade of what counts, from little to much.
    Shade(usize),
    /// A rectangle in a shade of what counts.
    Shaded(usize),
}

impl Role {
    /// It as a colour, `alpha` from 0 to 1.
    pub(crate) fn colour(self) -> RGBColor {
        let (kind, series) = match self {
            Self::Soft => (0, 0),
            Self::Strong => (1, 0),
            Self::On => (2, 0),
            Self::Grid => (3, 0),
            Self::Axis => (4, 0),
            Self::Guide => (5, 0),
            Self::Room => (6, 0),
            Self::Line(series) => (7, series),
            Self::Faint(series) => (8, series),
            Self::Solid(series) => (9, series),
            Self::Fill(series) => (10, series),
            Self::Band(series) => (11, series),
            Self::Dot(series) => (12, series),
            Self::Dots(series) => (13, series),
            Self::Text(series) => (14, series),
            Self::Median => (15, 0),
            Self::Ring => (16, 0),
            Self::Name => (17, 0),
            Self::Cross(series) => (18, series),
            Self::Tick(series) => (19, series),
            Self::Open(series) => (20, series),
            Self::Crown => (21, 0),
            Self::Top => (22, 0),
            Self::Shade(shade) => (23, shade),
            Self::Shaded(shade) => (24, shade),
        };
        RGBColor(kind, (series % COLOURS) as u8, 0)
    }
}

/// The attributes of a colour that is a role.
fn attributes(colour: BackendColor) -> String {
    let (kind, series, _) = colour.rgb;
    let class = match kind {
        0 => String::new(),
        1 => "strong".into(),
        2 => "on".into(),
        3 => "grid".into(),
        4 => "axis".into(),
        5 => "guide".into(),
        6 => "room".into(),
        7 => format!("l{series}"),
        8 => format!("l{series} faint"),
        9 => format!("l{series} solid"),
        10 => format!("f{series}"),
        11 => format!("b{series}"),
        12 => format!("d{series}"),
        13 => format!("q{series}"),
        14 => format!("t{series}"),
        15 => "median".into(),
        16 => "ring".into(),
        17 => "name".into(),
        18 | 19 => format!("x{series}"),
        20 => format!("l{series} open"),
        21 => "crown".into(),
        22 => "top".into(),
        23 => format!("h{series}"),
        _ => format!("g{series}"),
    };
    let class = if class.is_empty() { class } else { format!(" class=\"{class}\"") };
    if colour.alpha < 1.0 { format!("{class} fill-opacity=\"{:.2}\"", colour.alpha) } else { class }
}

/// A number in units, with a tenth at most.
fn units(fine: i32) -> String {
    let sign = if fine < 0 { "-" } else { "" };
    let (whole, tenth) = (fine.abs() / FINE, fine.abs() % FINE);
    if tenth == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{tenth}") }
}

/// A picture in the making.
pub(crate) struct Canvas {
    body: RefCell<Body>,
    height: f64,
}

#[derive(Default)]
struct Body {
    svg: String,
    /// What the next shape says when it is pointed at.
    tip: String,
    /// Attributes of the dots that are being collected, and their places.
    dots: Option<(String, String)>,
}

impl Body {
    fn write(&mut self, shape: &str, attributes: &str, rest: &str) {
        self.end_dots();
        let tip = std::mem::take(&mut self.tip);
        if tip.is_empty() {
            writeln!(self.svg, "<{shape}{attributes}{rest}/>")
        } else {
            writeln!(self.svg, "<{shape}{attributes}{rest}><title>{}</title></{shape}>", escape(&tip))
        }
        .expect("writing to a text");
    }

    fn end_dots(&mut self) {
        if let Some((attributes, places)) = self.dots.take() {
            writeln!(self.svg, "<path{attributes} d=\"{places}\"/>").expect("writing to a text");
        }
    }
}

impl Canvas {
    /// An empty picture of some height in units.
    pub(crate) fn new(height: f64) -> Self {
        Self { body: RefCell::default(), height }
    }

    /// Its height in units.
    pub(crate) fn height(&self) -> f64 {
        self.height
    }

    /// What the next shape says when it is pointed at.
    pub(crate) fn tip(&self, text: &str) {
        text.clone_into(&mut self.body.borrow_mut().tip);
    }

    /// The picture. The title names it, the description says to those who do not see it what others see.
    pub(crate) fn finish(self, title: &str, description: &str) -> String {
        let mut body = self.body.into_inner();
        body.end_dots();
        format!(
            "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\">\n<title>{}</title>\n<desc>{}</desc>\n{}</svg>\n",
            self.height.ceil(),
            escape(title),
            escape(description),
            body.svg
        )
    }
}

/// What draws on a picture.
pub(crate) struct Pen<'c>(pub(crate) &'c Canvas);

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for Pen<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        let fine = f64::from(FINE);
        ((WIDTH * fine) as u32, (self.0.height * fine).ceil() as u32)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, _: BackendCoord, _: BackendColor) -> Drawn {
        unreachable!("every shape that is used has its own function")
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(&mut self, one: BackendCoord, other: BackendCoord, style: &S, _: bool) -> Drawn {
        let ((left, right), (top, bottom)) =
            ((one.0.min(other.0), one.0.max(other.0)), (one.1.min(other.1), one.1.max(other.1)));
        let size = [left, top, right - left, bottom - top].map(units);
        let rest = format!(" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", size[0], size[1], size[2], size[3]);
        self.0.body.borrow_mut().write("rect", &attributes(style.color()), &rest);
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        // `plotters` draws what is to be left out, such as finer lines of the grid, without opacity.
        if style.color().alpha > 0.0 {
            self.0.body.borrow_mut().write("path", &attributes(style.color()), &outline(path, ""));
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, (x, y): BackendCoord, radius: u32, style: &S, _: bool) -> Drawn {
        let mut body = self.0.body.borrow_mut();
        let (attributes, [x, y]) = (attributes(style.color()), [x, y].map(units));
        if let Some(stamp) = stamp(style.color(), radius) {
            if body.dots.as_ref().is_some_and(|(known, _)| *known != attributes) {
                body.end_dots();
            }
            let (_, places) = body.dots.get_or_insert_with(|| (attributes, String::new()));
            write!(places, "M{x} {y}{stamp}").expect("writing to a text");
        } else {
            let rest = format!(" cx=\"{x}\" cy=\"{y}\" r=\"{}\"", units(radius as i32));
            body.write("circle", &attributes, &rest);
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        self.0.body.borrow_mut().write("path", &attributes(style.color()), &outline(path, "z"));
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, (x, y): BackendCoord) -> Drawn {
        if text.is_empty() {
            return Ok(());
        }
        let mut body = self.0.body.borrow_mut();
        body.end_dots();
        let anchor = match style.anchor().h_pos {
            HPos::Left => "",
            HPos::Center => " text-anchor=\"middle\"",
            HPos::Right => " text-anchor=\"end\"",
        };
        // Browsers disagree about `dominant-baseline`; capitals are about 0.72 of the size high.
        let down = match style.anchor().v_pos {
            VPos::Top => 0.8,
            VPos::Center => 0.36,
            VPos::Bottom => -0.1,
        };
        let y = y + (style.size() * down).round() as i32;
        let class = attributes(style.color());
        writeln!(body.svg, "<text{class} x=\"{}\" y=\"{}\"{anchor}>{}</text>", units(x), units(y), escape(text))
            .expect("writing to a text");
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        Ok(((wide(text) * f64::from(FINE)) as u32, style.size() as u32))
    }
}

/// What is drawn at the place of a mark of which many are one shape.
fn stamp(colour: BackendColor, radius: u32) -> Option<String> {
    let is = |role: Role| colour.rgb.0 == role.colour().0;
    let [half, whole] = [radius as i32, 2 * radius as i32].map(units);
    if is(Role::Dots(0)) {
        // A line without length and with round ends is a dot, in a tenth of the bytes.
        Some("h0".to_owned())
    } else if is(Role::Cross(0)) {
        Some(format!("m-{half} -{half}l{whole} {whole}m0 -{whole}l-{whole} {whole}"))
    } else {
        is(Role::Tick(0)).then(|| format!("v-{whole}"))
    }
}

/// A path in absolute places.
fn outline(path: impl IntoIterator<Item = BackendCoord>, end: &str) -> String {
    let mut d = String::from(" d=\"");
    let mut last = None;
    for (x, y) in path {
        // Places that fall on each other add nothing.
        if last != Some((x, y)) {
            let start = if last.is_none() { "M" } else { "L" };
            write!(d, "{start}{} {}", units(x), units(y)).expect("writing to a text");
            last = Some((x, y));
        }
    }
    d + end + "\""
}

/// About how wide a text is, in units: letters of the usual fonts at 11 units.
pub(crate) fn wide(text: &str) -> f64 {
    text.chars()
        .map(|letter| match letter {
            'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | 'I' => 3.2,
            'f' | 't' | 'r' | '(' | ')' | '[' | ']' | ' ' | '-' | '/' => 4.2,
            'm' | 'w' | 'M' | 'W' | '%' | '@' => 10.0,
            'A'..='Z' => 7.6,
            _ => 6.9,
        })
        .sum()
}

/// A text cut to some width in units, with `…` where it goes on.
pub(crate) fn cut(text: &str, width: f64) -> String {
    if wide(text) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        if wide(&kept) + wide(&letter.to_string()) + 8.0 > width {
            break;
        }
        kept.push(letter);
    }
    kept.trim_end().to_owned() + "…"
}

/// A path of settings cut to some width in units, with `…` where it begins: its last words tell most.
pub(crate) fn cut_start(text: &str, width: f64) -> String {
    if wide(text) <= width {
        return text.to_owned();
    }
    let backwards: String = text.chars().rev().collect();
    let kept: String = cut(&backwards, width).chars().rev().collect();
    format!("…{}", kept.trim_start_matches(['…', '.', '_', ' ']))
}

//! Panels with axes, and the marks in them.
//!
//! Does not know what is plotted.

use plotters::{
    coord::Shift,
    prelude::*,
    style::{
        FontDesc, FontStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{
    canvas::{Canvas, FINE, Pen, Role, WIDTH, wide},
    scale::Scale,
};

/// Size of text in units.
pub(crate) const TEXT: f64 = 11.0;
/// Height of a line of text.
pub(crate) const LINE: f64 = 15.0;
/// Room above a panel for the name of its vertical axis, clear of the highest number.
pub(crate) const HEAD: f64 = 23.0;
/// Room at the right end, so that the last number of an axis is not cut.
pub(crate) const RIGHT: f64 = 14.0;

/// Where a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// It starts there.
    Start,
    /// It is around it.
    Middle,
    /// It ends there.
    End,
}

/// Where marks are drawn.
pub(crate) struct Marks<'c> {
    area: DrawingArea<Pen<'c>, Cartesian2d<Scale, Scale>>,
    canvas: &'c Canvas,
}

const SAFE: &str = "writing to a text";

impl Marks<'_> {
    /// A line through places; parts of values that are not finite are gaps.
    pub(crate) fn line(&self, points: impl IntoIterator<Item = (f64, f64)>, role: Role) {
        let mut part: Vec<(f64, f64)> = Vec::new();
        let end = |part: &mut Vec<(f64, f64)>| {
            let points = std::mem::take(part);
            if points.len() > 1 {
                self.area.draw(&PathElement::new(points, role.colour())).expect(SAFE);
            }
        };
        for (x, y) in points {
            if x.is_finite() && y.is_finite() { part.push((x, y)) } else { end(&mut part) }
        }
        end(&mut part);
    }

    /// A filled outline.
    pub(crate) fn shape(&self, points: Vec<(f64, f64)>, role: Role) {
        self.area.draw(&Polygon::new(points, role.colour().filled())).expect(SAFE);
    }

    /// A rectangle between two corners, as opaque as `strength` from 0 to 1.
    pub(crate) fn rectangle(&self, corners: [(f64, f64); 2], role: Role, strength: f64, tip: &str) {
        self.canvas.tip(tip);
        self.area.draw(&Rectangle::new(corners, role.colour().mix(strength).filled())).expect(SAFE);
    }

    /// A dot with a radius in units.
    pub(crate) fn dot(&self, place: (f64, f64), radius: f64, role: Role, tip: &str) {
        self.canvas.tip(tip);
        let radius = (radius * f64::from(FINE)).round() as i32;
        self.area.draw(&Circle::new(place, radius, role.colour().filled())).expect(SAFE);
    }

    /// A text around a height.
    pub(crate) fn text(&self, place: (f64, f64), text: &str, role: Role, anchor: Anchor) {
        let style = font(role).pos(Pos::new(
            match anchor {
                Anchor::Start => HPos::Left,
                Anchor::Middle => HPos::Center,
                Anchor::End => HPos::Right,
            },
            VPos::Center,
        ));
        self.area.draw(&Text::new(text.to_owned(), place, style)).expect(SAFE);
    }

    /// A place at the upper edge moved so many units down; any other as it is.
    pub(crate) fn inside(&self, (x, y): (f64, f64), down: f64) -> (f64, f64) {
        let scale = self.area.as_coord_spec().y_spec();
        let height = f64::from(self.area.dim_in_pixel().1) / f64::from(FINE);
        if y >= scale.ends[1] { (x, scale.value(1.0 - down / height)) } else { (x, y) }
    }

    /// Where a place lies, in units from the upper left corner of the picture.
    pub(crate) fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let (x, y) = self.area.map_coordinate(&(x, y));
        (f64::from(x) / f64::from(FINE), f64::from(y) / f64::from(FINE))
    }
}

fn font(role: Role) -> TextStyle<'static> {
    let size = TEXT * f64::from(FINE);
    FontDesc::new(FontFamily::SansSerif, size, FontStyle::Normal).color(&role.colour())
}

fn root(canvas: &Canvas) -> DrawingArea<Pen<'_>, Shift> {
    Pen(canvas).into_drawing_area()
}

/// The whole picture, in units from its upper left corner.
pub(crate) fn paper(canvas: &Canvas) -> Marks<'_> {
    let height = canvas.height();
    let size = (0..fine(WIDTH), 0..fine(height));
    let places = Cartesian2d::<Scale, Scale>::new(Scale::plain(0.0, WIDTH), Scale::plain(0.0, height), size);
    Marks { area: root(canvas).apply_coord_spec(places), canvas }
}

fn fine(units: f64) -> i32 {
    (units * f64::from(FINE)).round() as i32
}

/// Which lines of the grid are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grid {
    /// Those of both axes.
    Both,
    /// Those of the vertical axis.
    Rows,
    /// Those of the horizontal axis.
    Columns,
}

/// A part of the picture with axes: `[left, top, right, bottom]` in units is where the data are, written values lie around it.
pub(crate) fn panel<'c>(
    canvas: &'c Canvas,
    [left, top, right, bottom]: [f64; 4],
    x: &Scale,
    y: &Scale,
    grid: Grid,
) -> Marks<'c> {
    let below = if x.ticks.is_empty() { 0.0 } else { LINE };
    let area = root(canvas).shrink((0, fine(top)), (fine(right), fine(bottom - top + below)));
    let mut chart = ChartBuilder::on(&area)
        .set_label_area_size(LabelAreaPosition::Left, fine(left))
        .set_label_area_size(LabelAreaPosition::Bottom, fine(below))
        .build_cartesian_2d(x.clone(), y.clone())
        .expect(SAFE);
    let mut mesh = chart.configure_mesh();
    mesh.label_style(font(Role::Soft))
        .axis_style(Role::Axis.colour())
        .bold_line_style(Role::Grid.colour())
        .light_line_style(TRANSPARENT)
        .set_tick_mark_size(LabelAreaPosition::Left, fine(2.0))
        .set_tick_mark_size(LabelAreaPosition::Bottom, fine(3.0))
        .x_labels(100)
        .y_labels(100);
    match grid {
        Grid::Both => {}
        Grid::Rows => {
            mesh.disable_x_mesh();
        }
        Grid::Columns => {
            mesh.disable_y_mesh();
        }
    }
    mesh.draw().expect(SAFE);
    Marks { area: chart.plotting_area().clone(), canvas }
}

/// Writes the name of a vertical axis above its panel, where it is read without turning the head.
pub(crate) fn head(paper: &Marks<'_>, top: f64, name: &str) {
    paper.text((2.0, top - HEAD + 8.0), &super::canvas::cut(name, WIDTH - 4.0), Role::Strong, Anchor::Start);
}

/// How wide the values of a vertical axis and their distance are.
pub(crate) fn beside(y: &Scale) -> f64 {
    y.widest() + 9.0
}

/// What a legend says of one series.
pub(crate) struct Key {
    /// How the series is drawn.
    pub(crate) role: Role,
    /// Its name.
    pub(crate) name: String,
}

/// Where the entries of a legend stand, `[x, y]` from its start, and how high it is.
fn places(keys: &[Key]) -> (Vec<[f64; 2]>, f64) {
    let (mut places, mut x, mut y) = (Vec::new(), 6.0, 0.0);
    for key in keys {
        let width = 22.0 + wide(&key.name);
        if x > 6.0 && x + width > WIDTH - 4.0 {
            (x, y) = (6.0, y + LINE);
        }
        places.push([x, y]);
        x += width + 12.0;
    }
    let height = if keys.is_empty() { 0.0 } else { y + LINE };
    (places, height)
}

/// How high a legend is.
pub(crate) fn legend_height(keys: &[Key]) -> f64 {
    places(keys).1
}

/// Draws a legend from some height on.
pub(crate) fn legend(paper: &Marks<'_>, keys: &[Key], top: f64) {
    for (key, [x, y]) in keys.iter().zip(places(keys).0) {
        let middle = top + y + LINE / 2.0;
        match key.role {
            Role::Fill(_) | Role::Band(_) | Role::Room => {
                paper.rectangle([(x, middle - 4.0), (x + 14.0, middle + 4.0)], key.role, 1.0, "");
            }
            Role::Tick(_) => paper.dot((x + 7.0, middle + 4.0), 4.0, key.role, ""),
            Role::Cross(_) => paper.dot((x + 7.0, middle), 3.0, key.role, ""),
            Role::Dot(_) | Role::Dots(_) | Role::Open(_) | Role::Top => paper.dot((x + 7.0, middle), 3.5, key.role, ""),
            role => paper.line([(x, middle), (x + 16.0, middle)], role),
        }
        let name = super::canvas::cut(&key.name, WIDTH - x - 24.0);
        paper.text((x + 20.0, middle), &name, Role::Soft, Anchor::Start);
    }
}

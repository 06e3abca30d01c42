//! The graph as a list: one line a stage, moved in by depth; instances that are alike share one.
//!
//! Does not draw lines between stages; it names what each takes.

use indexmap::IndexMap;
use pipe_spec::Colour;

use super::{
    fold::fold,
    palette,
    picture::{Arrow, Picture},
};
use crate::{commands::state::State, output};

/// Deepest level that is moved in further; a chain of a thousand stages would leave the screen.
const DEEPEST: usize = 12;

/// One line.
struct Line {
    name: String,
    kind: String,
    state: Option<State>,
    takes: String,
}

pub(super) fn text(picture: &Picture, all: bool, colour: Colour) -> String {
    let lines = lines(picture, all);
    let width = |cell: fn(&Line) -> usize| lines.iter().map(cell).max().unwrap_or(0);
    let (names, kinds) = (width(|line| line.name.chars().count()), width(|line| line.kind.chars().count()));
    let states = width(|line| line.state.map_or(0, |state| state.words().len()));
    let mut text = String::new();
    for Line { name, kind, state, takes } in &lines {
        let width = if takes.is_empty() { 0 } else { states };
        let words = format!("{:<width$}", state.map_or("", State::words));
        let words = match (colour, state) {
            (Colour::Always, Some(state)) => format!("{}{words}\u{1b}[0m", palette::terminal(*state)),
            _ => words,
        };
        text.push_str(format!("{name:<names$}  {kind:<kinds$}  {words}  {takes}").trim_end());
        text.push('\n');
    }
    let counts: Vec<_> = picture
        .counts()
        .iter()
        .map(|(state, count)| format!("{} {}", output::thousands(*count as u64), state.words()))
        .collect();
    let colon = if counts.is_empty() { "" } else { ": " };
    let stages = output::thousands(picture.stages.len() as u64);
    text.push_str(&format!("{stages} stages{colon}{}\n", counts.join(", ")));
    text
}

/// Instances of one stage in one state and depth share a line, where that is wanted.
fn lines(picture: &Picture, all: bool) -> Vec<Line> {
    let depths = picture.depths();
    let mut groups: IndexMap<(usize, &str, Option<State>, usize), Vec<usize>> = IndexMap::new();
    for (index, stage) in picture.stages.iter().enumerate() {
        let alone = if all { index } else { 0 };
        groups.entry((depths[index], &stage.stage, stage.state, alone)).or_default().push(index);
    }
    let mut taken: Vec<Vec<&Arrow>> = vec![Vec::new(); picture.stages.len()];
    picture.arrows.iter().for_each(|arrow| taken[arrow.to].push(arrow));
    let mut lines = Vec::new();
    for ((depth, stage, state, _), members) in groups {
        let points: Vec<_> = members.iter().map(|index| (*index, &picture.stages[*index].axes)).collect();
        for group in fold(stage, &points) {
            let several = if group.members.len() > 1 { format!(" x{}", group.members.len()) } else { String::new() };
            lines.push(Line {
                name: format!("{}{}{several}", "  ".repeat(depth.min(DEEPEST)), one_line(&group.name)),
                kind: picture.stages[group.members[0]].kind.clone(),
                state,
                takes: takes(picture, &group.members, &taken),
            });
        }
    }
    lines
}

/// Instances of one stage from which something is taken.
#[derive(Default)]
struct Sources {
    stages: Vec<usize>,
    /// Whether any stands at another point than its taker.
    is_far: bool,
}

/// What some instances take, by name: `split.training`, of instances at other points `cut[fold=0..4].part`.
fn takes(picture: &Picture, members: &[usize], taken: &[Vec<&Arrow>]) -> String {
    let mut sources: IndexMap<(&str, Option<&str>), Sources> = IndexMap::new();
    for member in members {
        for Arrow { from, outputs, .. } in &taken[*member] {
            let (source, taker) = (&picture.stages[*from], &picture.stages[*member]);
            let is_near = source.axes.iter().all(|(axis, value)| taker.axes.get(axis) == Some(value));
            let outputs = outputs.iter().map(|output| Some(output.as_str()));
            for output in outputs.clone().chain((outputs.len() == 0).then_some(None)) {
                let of = sources.entry((&source.stage, output)).or_default();
                of.is_far |= !is_near;
                of.stages.push(*from);
            }
        }
    }
    let mut words = Vec::new();
    for ((stage, output), Sources { stages: mut from, is_far }) in sources {
        from.sort_unstable();
        from.dedup();
        let points: Vec<_> = from.iter().map(|index| (*index, &picture.stages[*index].axes)).collect();
        let names = if is_far {
            fold(stage, &points).into_iter().map(|group| group.name).collect()
        } else {
            vec![stage.to_owned()]
        };
        words.extend(names.iter().map(|name| match output {
            Some(output) => format!("{}.{output}", one_line(name)),
            None => format!("after {}", one_line(name)),
        }));
    }
    if words.is_empty() { String::new() } else { format!("<- {}", words.join(", ")) }
}

/// A name without line breaks and escape sequences, whatever the file says.
fn one_line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::graph::picture::example;

    #[test]
    fn alike_instances_share_a_line() {
        insta::assert_snapshot!(text(&example(), false, Colour::Never), @r#"
        prepare                    prepare  cached
          a "quoted" <b>&\ #1;`x`  command  failed     <- prepare.data "set", prepare.a|b
          train[fold=0]            train    running    <- prepare.dataset
          train[fold=1|2] x2       train    would run  <- prepare.dataset
            sum                    command  perhaps    <- after a "quoted" <b>&\ #1;`x`, train[fold=0..2].model
        6 stages: 1 cached, 2 would run, 1 perhaps, 1 failed, 1 running
        "#);
        let each = text(&example(), true, Colour::Never);
        assert_eq!(each.lines().count(), 7, "{each}");
        assert!(each.contains("train[fold=2]  ") && each.contains("<- prepare.dataset\n"), "{each}");
    }

    #[test]
    fn colours_are_put_on_states_alone() {
        let coloured = text(&example(), false, Colour::Always);
        let plain = coloured.replace("\u{1b}[0m", "");
        let plain = [31, 32, 33, 34, 35].iter().fold(plain, |text, code| text.replace(&format!("\u{1b}[{code}m"), ""));
        assert!(coloured.contains("\u{1b}[31mfailed"), "{coloured}");
        assert_eq!(plain, text(&example(), false, Colour::Never));
    }
}

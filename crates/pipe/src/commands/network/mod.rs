//! `pipe network`: what networks there are, their layers, their values on a fixed filling, and how they do on a device.

mod card;
mod check;
mod operations;
mod time;
mod work;

use std::path::Path;
use std::process::ExitCode;

use pipe_learn::{LossConfig, NETWORKS, NetworkConfig, ProbeError, Show, losses::LOSSES};
use pipe_spec::{Composed, Node, Problem, Problems, Sources, bind, did_you_mean, parse, single};
use pipe_stages::WeightsFrom;
use serde_json::json;

use crate::{
    args::{Chosen, Format, Network},
    failure::Failure,
    output::{self, Align, thousands},
    session::Session,
};

pub(crate) fn network(session: &Session, network: &Network) -> Result<ExitCode, Failure> {
    #[cfg(feature = "cuda")]
    if let Network::Check(_) | Network::Time(_) | Network::Operations { .. } = network {
        crate::cuda::find();
    }
    match network {
        Network::Check(options) => return check::check(session, options),
        Network::Time(options) => time::time(session, options)?,
        Network::Operations { network, input, machine, format } => {
            let config = config(session, network)?;
            operations::operations(&config, input, machine, *format)?;
        }
        Network::List { format } => list(*format),
        Network::Show { network, input, format } => {
            let show = pipe_learn::show(&config(session, network)?, input)?;
            if *format == Format::Json {
                output::json(&show);
            } else {
                print(&show);
            }
        }
        Network::Probe { network, input, loss: None, .. } => {
            let (config, weights) = chosen(session, network)?;
            output::json(&match weights {
                None => pipe_learn::probe(&config, input)?,
                Some(weights) => {
                    let path = session.workspace.join(weights.file.path());
                    let first = weights.at(&path, &config).map_err(pipe_stages::Failure::from)?;
                    pipe_learn::probe_with(&config, input, &first)?
                }
            });
        }
        Network::Probe { network, input, loss: Some(text), .. } => {
            let (config, loss) = (config(session, network)?, loss(text)?);
            let probe = pipe_learn::probe_gradients(&config, input, &loss);
            output::json(&probe.map_err(|error| match error {
                ProbeError::Network(error) => Failure::from(error),
                ProbeError::Loss(error) => Failure::Argument(format!("`--loss`: {error}")),
            })?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(format: Format) {
    if format == Format::Json {
        let networks: Vec<_> = NETWORKS
            .iter()
            .map(|kind| json!({ "name": kind.name, "version": kind.version, "about": kind.about }))
            .collect();
        output::json(&json!({ "networks": networks }));
        return;
    }
    let rows: Vec<_> = NETWORKS.iter().map(|kind| vec![kind.name.to_owned(), kind.about.to_owned()]).collect();
    output::print(&output::columns(&[("network", Align::Left), ("", Align::Left)], &rows));
}

fn print(show: &Show) {
    let shape = |shape: &[usize]| shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
    let head = [
        ("layer", Align::Left),
        ("kind", Align::Left),
        ("output", Align::Left),
        ("parameters", Align::Right),
        ("MACs", Align::Right),
    ];
    let rows: Vec<_> = show
        .layers
        .iter()
        .map(|layer| {
            let number = |number: u64| if number == 0 { String::new() } else { thousands(number) };
            vec![
                layer.name.clone(),
                layer.kind.to_owned(),
                shape(&layer.output_shape),
                number(layer.params as u64),
                number(layer.macs),
            ]
        })
        .collect();
    output::print(&output::columns(&head, &rows));
    output::print(&format!(
        "{}: {} -> {}, {} parameters, {} MACs\n",
        show.network,
        shape(&show.input_shape),
        shape(&show.output_shape),
        thousands(show.params as u64),
        thousands(show.macs)
    ));
}

/// A network without the weights that may stand beside it.
fn config(session: &Session, network: &str) -> Result<NetworkConfig, Failure> {
    Ok(chosen(session, network)?.0)
}

/// A network by name, with its defaults; or from a file: one with a `network:` and perhaps `weights:`, or an experiment.
fn chosen(session: &Session, network: &str) -> Result<(NetworkConfig, Option<WeightsFrom>), Failure> {
    if let Some(kind) = NETWORKS.iter().find(|kind| kind.name == network) {
        let default = json!({ kind.name: {} });
        return Ok((serde_json::from_value(default).expect("every network has defaults"), None));
    }
    let path = Path::new(network);
    if !path.exists() && path.extension().is_none() {
        let near = did_you_mean(network, NETWORKS.iter().map(|kind| kind.name));
        return Err(Failure::Argument(format!("`{network}` is neither a network nor a file; {near}")));
    }
    let (node, sources) = single(path)?;
    let is_bare = node.map().is_none_or(|map| map.keys().all(|key| matches!(key.as_str(), "network" | "weights")));
    let (tree, sources) = if is_bare || node.get("network").is_none() {
        (node, sources)
    } else {
        let chosen = Chosen {
            file: path.to_path_buf(),
            profiles: Vec::new(),
            overrides: Vec::new(),
            sweep: None,
            format: Format::Text,
        };
        let Composed { tree, sources, .. } = session.composed(&chosen)?;
        (tree, sources)
    };
    let config = bound(&tree, &sources)?;
    let weights = tree.get("weights").map(|node| bind::<Option<WeightsFrom>>(node, "weights"));
    let weights = weights.transpose().map_err(|list| Failure::from(Problems { sources, list }))?;
    Ok((config, weights.flatten()))
}

/// A loss by name, with its defaults, or as it stands in YAML.
fn loss(text: &str) -> Result<LossConfig, Failure> {
    let mut sources = Sources::default();
    let node = match parse(&mut sources, "--loss", text.as_bytes()) {
        Ok(node) => node,
        Err(list) => return Err(Failure::from(Problems { sources, list })),
    };
    let Some(name) = node.text() else {
        return bind(&node, "").map_err(|list| Failure::from(Problems { sources, list }));
    };
    if !LOSSES.contains(&name) {
        let near = did_you_mean(name, LOSSES.iter().copied());
        return Err(Failure::Argument(format!("`{name}` is no loss; {near}")));
    }
    Ok(serde_json::from_value(json!({ name: {} })).expect("every loss has defaults"))
}

fn bound(tree: &Node, sources: &Sources) -> Result<NetworkConfig, Failure> {
    let refuse = |list| Failure::from(Problems { sources: sources.clone(), list });
    let Some(node) = tree.get("network") else {
        let keys: Vec<_> = tree.map().into_iter().flat_map(|map| map.keys()).map(String::as_str).collect();
        let problem = Problem::new("pipe::spec::network", Some(tree.span()), "the file has no `network:`")
            .label(format!("it has {}", if keys.is_empty() { "no keys".to_owned() } else { keys.join(", ") }));
        return Err(refuse(vec![problem]));
    };
    let config: NetworkConfig = bind(node, "network").map_err(refuse)?;
    config.check()?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use pipe_spec::Colour;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let expected: LossConfig = serde_json::from_str(expected).expect("settings in range");
        assert_eq!(loss(text).map_err(|failure| failure.words(Colour::Never)), Ok(expected));
    }

    #[track_caller]
    fn check_refused(text: &str, part: &str) {
        let words = loss(text).expect_err("it is no loss").words(Colour::Never);
        assert!(words.contains(part), "`{part}` is not in: {words}");
    }

    #[test]
    fn losses_by_name_and_as_yaml() {
        LOSSES.iter().for_each(|name| check(name, &format!(r#"{{"{name}": {{}}}}"#)));
        check("{dice: {smooth: 0}}", r#"{"dice": {"smooth": 0}}"#);
        check(r#"{"dice": {"smooth": 0}}"#, r#"{"dice": {"smooth": 0}}"#);
        check("sum: [{weight: 0.5, loss: {focal: {}}}]", r#"{"sum": [{"weight": 0.5, "loss": {"focal": {}}}]}"#);
        check_refused("dise", "did you mean `dice`");
        check_refused("{dise: {}}", "dice");
        check_refused("{dice: {smoth: 0}}", "smooth");
        check_refused("{dice", "--loss");
    }
}

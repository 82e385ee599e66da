//! Commands that look and touch nothing: facts, check, plan, config show.

use crate::agent_config;
use crate::checks::{self, Demands, Fit};
use crate::cli::args::{CheckArgs, CheckFormat, FactsArgs, Format, PlanArgs, ShowArgs, TreeArgs};
use crate::cli::junit;
use crate::cli::{check as check_view, config_show as show_view, plan as plan_view};
use crate::exit::Exit;
use crate::facts::{Content, Facts};
use crate::plan as plan_room;
use crate::settings::{Loaded, Settings};

use super::facts::{gather, root};
use super::prepare::look_closer;
use super::{colour, print, print_json, width};

pub(super) fn facts(args: &TreeArgs) -> anyhow::Result<Exit> {
    let args = FactsArgs {
        root: args.root.clone(),
        facts: None,
    };
    let loaded = loaded(&args)?;
    let found = without_secrets(gather(&args, &loaded.settings)?);
    print_json(&serde_json::to_value(&found)?)?;
    Ok(Exit::Done)
}

pub(super) fn check(args: &CheckArgs) -> anyhow::Result<Exit> {
    if args.list {
        match args.format {
            CheckFormat::Json => print_json(&check_view::rules_json(checks::rules()))?,
            CheckFormat::Markdown => print(&checks::markdown()),
            CheckFormat::Table | CheckFormat::Junit => print(&check_view::list()),
        }
        return Ok(Exit::Done);
    }
    anyhow::ensure!(
        args.format != CheckFormat::Markdown,
        "--format markdown prints the rules themselves, and goes with --list"
    );
    if let Some(rule) = &args.explain {
        return explain(rule, args.format);
    }
    let loaded = loaded(&args.facts)?;
    let mut found = gather(&args.facts, &loaded.settings)?;
    found.image_only |= args.image;
    let mut demands = Demands::of(&loaded.settings.checks);
    if !args.profile.is_empty() {
        demands.profiles.clone_from(&args.profile);
    }
    demands.emr_release = args.emr_release.or(demands.emr_release);
    let report = checks::evaluate(&found, &demands);
    match args.format {
        CheckFormat::Json => print_json(&check_view::json(&report))?,
        CheckFormat::Junit => print(&junit::report(&report, args.strict)?),
        _ => print(&check_view::table(&report, width(), colour())),
    }
    Ok(match report.fit {
        Fit::Yes => Exit::Done,
        Fit::Unknown if !args.strict => Exit::Done,
        Fit::Unknown | Fit::No => Exit::Failed,
    })
}

fn explain(id: &str, format: CheckFormat) -> anyhow::Result<Exit> {
    let Some(rule) = checks::rules().find(|rule| rule.id == id) else {
        let area = id.split('.').next().unwrap_or_default();
        let near: Vec<&str> = checks::rules()
            .map(|rule| rule.id)
            .filter(|known| known.split('.').next() == Some(area))
            .collect();
        let near = match near.is_empty() {
            true => String::new(),
            false => format!("; of {area} there are {}", near.join(", ")),
        };
        eprintln!(
            "ecs-nanny: there is no rule {id}{near}; `ecs-nanny check --list` names them all"
        );
        return Ok(Exit::Usage);
    };
    match format {
        CheckFormat::Json => print_json(&check_view::rules_json(std::iter::once(rule)))?,
        _ => print(&check_view::explain(rule)),
    }
    Ok(Exit::Done)
}

pub(super) fn plan(args: &PlanArgs) -> anyhow::Result<Exit> {
    let loaded = loaded(&args.facts)?;
    let mut found = gather(&args.facts, &loaded.settings)?;
    if args.facts.facts.is_none() {
        let root = root(args.facts.root.as_ref())?;
        super::runtime()?.block_on(look_closer(&root, &loaded.settings, &mut found));
    }
    let plan = plan_room::build(&loaded.settings, &found);
    let shown = if args.show_secrets {
        plan
    } else {
        plan_room::masked(&plan)
    };
    match args.format {
        Format::Json => print_json(&plan_view::json(&shown))?,
        Format::Table => print(&plan_view::table(&shown)),
    }
    Ok(Exit::Done)
}

pub(super) fn config_show(args: &ShowArgs) -> anyhow::Result<Exit> {
    let loaded = loaded(&args.facts)?;
    let found = gather(&args.facts, &loaded.settings)?;
    let environment = plan_room::environment(&loaded.settings, &found);
    match args.format {
        Format::Json => print_json(&show_view::json(&environment, &loaded))?,
        Format::Table => print(&show_view::table(&environment, &loaded)),
    }
    Ok(Exit::Done)
}

/// The settings that go with the facts: those of the tree; with recorded facts the defaults.
fn loaded(args: &FactsArgs) -> anyhow::Result<Loaded> {
    if args.facts.is_some() {
        return Ok(Loaded {
            settings: Settings::default(),
            ..Loaded::default()
        });
    }
    Ok(super::settings(&root(args.root.as_ref())?)?)
}

/// Configuration files keep their form, secret values are replaced.
pub(super) fn without_secrets(mut facts: Facts) -> Facts {
    for file in facts.host.agent_config.values_mut() {
        if let crate::facts::Fact::Known(Some(file)) = file {
            file.content = Content::from_bytes(&agent_config::mask(&file.content.bytes()));
        }
    }
    facts
}

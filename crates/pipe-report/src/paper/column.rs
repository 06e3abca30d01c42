//! The scores of a row that a column speaks of: found in its evaluations, gathered over folds and seeds.
//!
//! Does not know how numbers are written.

use indexmap::IndexMap;
use pipe_metrics::{
    Description, Evaluation, Pooled, Score,
    statistics::{
        Bootstrap, Estimate, Over, Patients, StatisticsError, Summary, bootstrap, mean, per_patient, summarise,
    },
};

use super::{ColumnSpec, Evaluated, Of, OverSpec, TableError};

/// The scores of a row in a column.
#[derive(Clone, Debug)]
pub(super) struct Scores {
    /// What the metric is called.
    pub(super) metric: Description,
    /// One for each case of each fold and seed.
    pub(super) all: Vec<CaseScore>,
    /// Of all pixels together: one for each seed.
    pub(super) pooled: Vec<Score>,
}

/// What one case scores.
#[derive(Clone, Debug)]
pub(super) struct CaseScore {
    pub(super) fold: String,
    pub(super) seed: String,
    pub(super) case: String,
    pub(super) patient: String,
    pub(super) score: Score,
    /// Which evaluation it is of.
    pub(super) from: usize,
}

impl Scores {
    /// Finds the scores of a row; `system` names it in errors.
    pub(super) fn of(system: &str, column: &ColumnSpec, there: &[Evaluated]) -> Result<Self, TableError> {
        let mut all = Vec::new();
        let mut metric = None;
        let mut sums: IndexMap<&str, (&Evaluation, Pooled)> = IndexMap::new();
        for (from, evaluated) in there.iter().enumerate() {
            let Evaluated { fold, seed, evaluation, .. } = evaluated;
            let at = evaluation.metric(&column.metric).ok_or_else(|| TableError::NoMetric {
                system: system.to_owned(),
                metric: column.metric.clone(),
                known: evaluation.metrics.iter().map(|metric| metric.key.clone()).collect(),
            })?;
            let class = match &column.class {
                Some(name) if name == pipe_metrics::MEAN => None,
                Some(name) => Some(evaluation.classes.iter().position(|class| class == name).ok_or_else(|| {
                    TableError::NoClass {
                        system: system.to_owned(),
                        class: name.clone(),
                        known: evaluation.views().into_iter().map(|(name, _)| name).collect(),
                    }
                })?),
                None => None,
            };
            metric.get_or_insert_with(|| evaluation.metrics[at].clone());
            let single = class.or((evaluation.classes.len() == 1).then_some(0));
            all.extend(evaluation.cases.iter().map(|case| CaseScore {
                fold: fold.clone(),
                seed: seed.clone(),
                case: case.case.clone(),
                patient: case.patient.clone(),
                score: evaluation.score(case, class, at),
                from,
            }));
            if column.of == Of::Pooled {
                let class = single.ok_or_else(|| TableError::PooledMean { metric: column.metric.clone() })?;
                let sum = &mut sums.entry(seed).or_insert_with(|| (evaluation, Pooled::default())).1;
                if let Some(pooled) = evaluated.pooled.as_ref().and_then(|pooled| pooled.get(class)) {
                    sum.merge(pooled);
                }
            }
        }
        let pooled = sums.into_values().map(|(evaluation, sum)| {
            let metric = evaluation.recipe.iter().nth(evaluation.metric(&column.metric)?)?;
            metric.pooled(&sum, evaluation.empty)
        });
        let pooled: Option<Vec<Score>> = pooled.collect();
        let pooled = pooled.ok_or_else(|| TableError::NotPooled { metric: column.metric.clone() })?;
        let metric = metric.ok_or_else(|| TableError::NoRun { system: system.to_owned() })?;
        Ok(Self { metric, all, pooled })
    }

    /// Of each case the mean over the seeds that test it.
    pub(super) fn cases(&self) -> Vec<(&str, Score)> {
        let mut cases: IndexMap<(&str, &str), Vec<Score>> = IndexMap::new();
        for score in &self.all {
            cases.entry((&score.case, &score.patient)).or_default().push(score.score);
        }
        cases.into_iter().map(|((_, patient), scores)| (patient, Score::mean(&scores))).collect()
    }

    /// Of each patient the mean of its cases.
    pub(super) fn patients(&self) -> Result<Patients, StatisticsError> {
        per_patient(self.cases())
    }

    fn groups(&self, of: fn(&CaseScore) -> &str) -> Vec<Score> {
        let mut groups: IndexMap<&str, Vec<f64>> = IndexMap::new();
        for score in &self.all {
            groups.entry(of(score)).or_default().extend(score.score.value());
        }
        groups.values().map(|values| mean(values).into()).collect()
    }

    /// Mean, spread and quartiles over what was asked for.
    pub(super) fn summary(&self, of: Of, over: OverSpec) -> Result<Summary, StatisticsError> {
        if of == Of::Pooled {
            return summarise(&self.pooled, Over::Seeds);
        }
        match over {
            OverSpec::Cases => {
                summarise(&self.cases().into_iter().map(|(_, score)| score).collect::<Vec<_>>(), Over::Cases)
            }
            OverSpec::Patients => {
                let patients = self.patients()?;
                let known = patients.values.values().map(|value| Score::Known(*value));
                let excluded = patients.excluded.iter().map(|_| Score::Excluded);
                let found = summarise(&known.chain(excluded).collect::<Vec<_>>(), Over::Patients)?;
                Ok(Summary { imputed: patients.imputed.len(), ..found })
            }
            OverSpec::Folds => summarise(&self.groups(|score| &score.fold), Over::Folds),
            OverSpec::Seeds => summarise(&self.groups(|score| &score.seed), Over::Seeds),
        }
    }

    /// The confidence interval of the mean, by resampling patients with all their cases.
    pub(super) fn interval(&self, over: OverSpec) -> Result<Estimate, StatisticsError> {
        let mut patients: IndexMap<&str, Vec<f64>> = IndexMap::new();
        for (patient, score) in self.cases() {
            patients.entry(patient).or_default().extend(score.value());
        }
        let patients: Vec<Vec<f64>> = patients.into_values().filter(|values| !values.is_empty()).collect();
        let of_patient: Vec<f64> = patients.iter().filter_map(|values| mean(values)).collect();
        let statistic = |chosen: &[usize]| match over {
            OverSpec::Cases => {
                let (sum, count) = chosen.iter().fold((0.0, 0), |(sum, count), at| {
                    (sum + patients[*at].iter().sum::<f64>(), count + patients[*at].len())
                });
                sum / count as f64
            }
            _ => chosen.iter().map(|at| of_patient[*at]).sum::<f64>() / chosen.len() as f64,
        };
        bootstrap(patients.len(), statistic, &Bootstrap::default())
    }
}

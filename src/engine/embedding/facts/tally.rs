//! What became of the facts of one kind, and the score that follows.

use super::Kind;

/// What became of a fact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    Match,
    /// Strength in [0,1].
    Conflict(f64),
    Omission,
}

/// Counts of outcomes of one kind.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    worst: f64,
    weight: f64,
    matches: f64,
    omissions: f64,
}

impl Tally {
    pub fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Match => self.matches += 0.5,
            Outcome::Omission => self.omissions += 0.5,
            Outcome::Conflict(strength) => {
                self.worst = self.worst.max(strength);
                self.weight += strength;
            }
        }
    }

    /// Most of the worst conflict counts in any case, the rest by the share of conflicts among shared facts.
    pub fn score(&self, kind: Kind) -> f64 {
        let most = match kind {
            Kind::Number => 0.10,
            Kind::Name => 0.08,
            Kind::Polarity => 0.05,
            Kind::Date => 0.04,
        };
        let missing = if self.omissions > 0.0 { most * self.omissions / (self.omissions + self.matches) } else { 0.0 };
        if self.weight <= 0.0 {
            return missing;
        }
        let share = self.weight / (self.weight + self.matches);
        // Texts that share many names may well call one of them differently.
        let many = if kind == Kind::Name { (self.matches - 2.0).clamp(0.0, 2.0) } else { 0.0 };
        let sure = 0.9 - 0.1 * many * many;
        (self.worst * (sure + (1.0 - sure) * share)).max(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_weighs_more_than_an_omission() {
        let score = |kind: Kind, outcomes: &[Outcome]| {
            let mut tally = Tally::default();
            outcomes.iter().for_each(|&o| tally.add(o));
            tally.score(kind)
        };
        let conflict = Outcome::Conflict(0.9);
        assert_eq!(score(Kind::Number, &[]), 0.0);
        assert_eq!(score(Kind::Number, &[Outcome::Match]), 0.0);
        assert!(score(Kind::Number, &[Outcome::Omission]) <= 0.1);
        assert!((score(Kind::Number, &[conflict]) - 0.9).abs() < 1e-12);
        assert!(score(Kind::Number, &[conflict, Outcome::Match]) > 0.8);
        assert!(score(Kind::Name, &[&[conflict][..], &[Outcome::Match; 10]].concat()) < 0.6);
    }
}

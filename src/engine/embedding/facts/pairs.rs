//! Pairs of everyday answers and how far they contradict each other.

use super::{Facts, compare, explain};

fn score(a: &str, b: &str) -> f64 {
    let (p, q) = (Facts::of(a), Facts::of(b));
    let (there, back) = (compare(&p, &q), compare(&q, &p));
    assert!((there.score() - back.score()).abs() < 1e-9, "not symmetric: {a} | {b}: {there:?} {back:?}");
    assert_eq!(compare(&p, &p).score(), 0.0, "{a}");
    assert_eq!(compare(&q, &q).score(), 0.0, "{b}");
    for d in explain(&p, &q) {
        assert!(d.in_a.is_none_or(|r| a.get(r).is_some()) && d.in_b.is_none_or(|r| b.get(r).is_some()), "{a} | {b}");
    }
    there.score()
}

/// Checks every pair and reports all that fall outside the range.
pub fn within(low: f64, high: f64, pairs: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (a, b) in pairs {
        let s = score(a, b);
        if !(low..=high).contains(&s) {
            wrong.push(format!("{s:.3}: {a} | {b} | {:?}", compare(&Facts::of(a), &Facts::of(b))));
        }
    }
    assert!(wrong.is_empty(), "not within {low}..{high}:\n{}", wrong.join("\n"));
}

#[test]
fn the_same_in_another_notation() {
    within(
        0.0,
        0.1,
        &[
            ("Revenue was $1,500,000.", "Revenue was $1.5 million."),
            ("Revenue was $1.5M.", "Revenue was 1,500,000 dollars."),
            ("It costs $5.", "It costs 5 USD."),
            ("It costs €20.", "It costs 20 euros."),
            ("The loss was -5,000.", "The loss was −5000."),
            ("The fee rose by 150 bps.", "The fee rose by 1.5%."),
            ("It takes 90 minutes.", "It takes 1.5 hours."),
            ("The query took 500 ms.", "The query took 0.5 seconds."),
            ("The file has 2 GB.", "The file has 2,000 MB."),
            ("The road is 1.5 km long.", "The road is 1500 m long."),
            ("About 5% of users left.", "5.02% of users left."),
            ("Take 5.0 mg daily.", "Take 5 mg daily."),
            ("There are twenty-five students.", "There are 25 students."),
            ("Three hundred people came.", "300 people came."),
            ("A dozen eggs are enough.", "12 eggs are enough."),
            ("Use 1/2 cup of sugar.", "Use ½ cup of sugar."),
            ("It weighs 1 000 kg.", "It weighs 1\u{a0}000 kg."),
            ("The meeting is at 14:30.", "The meeting is at 2:30 pm."),
            ("The meeting is at 3 p.m. today.", "The meeting is at 15:00 today."),
            ("It will be 20 °C.", "It will be 68 °F."),
            ("He came 1st in the race.", "He came first in the race."),
            ("The war ended on 1945-05-08.", "The war ended on May 8, 1945."),
            ("The trial starts on 5 March 2024.", "The trial starts on March 5th, 2024."),
            ("The trial starts on 03/05/2024.", "The trial starts on 5 March 2024."),
            ("The trial starts in March 2024.", "The trial starts on March 5, 2024."),
            ("The reserve is 1e3 units.", "The reserve is 1,000 units."),
            ("It dropped to (5) levels.", "It dropped to 5 levels."),
            ("The result was a loss of ($500).", "The result was a loss of -$500."),
        ],
    );
}

#[test]
fn the_same_in_other_words() {
    within(
        0.0,
        0.1,
        &[
            ("The drug is not safe for children.", "The drug is unsafe for children."),
            ("He doesn't eat meat.", "He does not eat meat."),
            ("The IMF approved the loan.", "The International Monetary Fund approved the loan."),
            ("The U.S. signed the treaty.", "The United States signed the treaty."),
            ("The UN sent troops.", "The United Nations sent troops."),
            ("Musharraf resigned.", "Pervez Musharraf resigned."),
            ("Sure! Paris is the capital of France.", "The capital of France is Paris."),
            ("Answer: Beyonce won the award.", "Beyoncé won the award."),
            ("It is not impossible to finish in time.", "It is possible to finish in time."),
            ("There is no doubt that it works.", "It works."),
            ("Not only is it fast, it is cheap.", "It is fast and cheap."),
            ("As far as I know, The query is correct.", "The query is correct."),
            ("Of course, the shop is open on Monday.", "The shop is open on Monday."),
            ("The Stock Market Rises In New York", "The stock market rises in New York"),
            ("The british government agreed.", "The British government agreed."),
            ("Yes, you can return the shoes.", "You can return the shoes."),
            ("Do not take it with alcohol.", "Don't take it with alcohol."),
            ("Use an index on the customer column.", "Sure, use an index on the customer column."),
            ("See no. 5 in the list.", "See number 5 in the list."),
            ("1. Open the app.\n2. Tap Settings.", "Open the app. Tap Settings."),
            ("A man is playing a guitar.", "One man is playing a guitar!"),
            ("The company never paid a dividend.", "The company did not pay a dividend."),
            ("Cats are animals.", "Cats are animals."),
            ("", ""),
        ],
    );
}

#[test]
fn a_changed_number_or_date_conflicts() {
    within(
        0.5,
        1.0,
        &[
            ("There was a loss of -5,000.", "There was a loss of -50,000."),
            ("The salary is $395,000 a year.", "The salary is $395,003 a year."),
            ("The balance is -$500.", "The balance is $500."),
            ("Take 5 mg daily.", "Take 5 g daily."),
            ("The rate is 5%.", "The rate is 5 bps."),
            ("It costs $20.", "It costs €20."),
            ("Set the stop at 1.2.3.", "Set the stop at 1.2.4."),
            ("The meeting is at 14:30.", "The meeting is at 4:30 pm."),
            ("They won 2-1.", "They won 3-1."),
            ("They won 2-1.", "They won 1-2."),
            ("Take two tablets.", "Take three tablets."),
            ("It lasts 90 minutes.", "It lasts 2 hours."),
            ("The war ended in 1945.", "The war ended in 1918."),
            ("It starts on March 5, 2024.", "It starts on March 6, 2024."),
            ("It starts on 2024-03-05.", "It starts on April 5, 2024."),
            ("The shop opens on Monday.", "The shop opens on Tuesday."),
            ("The limit is 1.5 million.", "The limit is 1.5 billion."),
            ("Use LIMIT 10 in the query.", "Use LIMIT 100 in the query."),
            ("It will be 5 °C.", "It will be -5 °C."),
            ("Your refund takes 3 days.", "Your refund takes 30 days."),
        ],
    );
}

#[test]
fn a_flipped_claim_conflicts() {
    within(
        0.5,
        1.0,
        &[
            ("He is not eating but playing.", "He is eating."),
            ("The price will increase.", "The price will decrease."),
            ("You should buy the stock.", "You should sell the stock."),
            ("The drug is safe in pregnancy.", "The drug is not safe in pregnancy."),
            ("The drug is safe in pregnancy.", "The drug is dangerous in pregnancy."),
            ("The loan was approved.", "The loan was rejected."),
            ("The statement is true.", "The statement is false."),
            ("Yes, you can.", "No, you cannot."),
            ("Yes.", "No."),
            ("Smoking is allowed here.", "Smoking is forbidden here."),
            ("Logging is enabled by default.", "Logging is disabled by default."),
            ("The company made a profit.", "The company made a loss."),
            ("The query uses an index.", "The query doesn't use an index."),
            ("You can return the shoes.", "You can't return the shoes."),
            ("The test was positive.", "The test was negative."),
            ("It will rain tomorrow.", "It won't rain tomorrow."),
            ("The treaty was signed by both sides.", "The treaty was never signed by both sides."),
            ("The tests passed.", "The tests failed."),
            ("The warranty covers water damage.", "The warranty does not cover water damage."),
            ("We recommend surgery.", "We do not recommend surgery."),
            ("The contract is valid.", "The contract is invalid."),
        ],
    );
}

#[test]
fn a_replaced_name_conflicts() {
    within(
        0.5,
        1.0,
        &[
            ("The capital is Paris.", "The capital is London."),
            ("Paris", "London"),
            ("Buy AAPL now.", "Buy MSFT now."),
            ("Charles Darwin wrote the book.", "Charles Dickens wrote the book."),
            ("The treaty was signed in Vienna by Austria.", "The treaty was signed in Geneva by Austria."),
            ("Take Ibuprofen with food.", "Take Paracetamol with food."),
            ("The phone was made by Samsung.", "The phone was made by Nokia."),
            ("Trade EUR/USD today.", "Trade EUR/JPY today."),
        ],
    );
}

#[test]
fn an_omission_weighs_little() {
    within(
        0.0,
        0.25,
        &[
            ("The British government agreed.", "The government agreed."),
            ("Two dogs run.", "Dogs run."),
            ("The war ended in 1945 in Berlin.", "The war ended."),
            ("It costs $5 per month, or $50 per year.", "It costs $5 per month."),
            ("The policy covers theft. It does not cover floods.", "The policy covers theft."),
            ("Napoleon lost at Waterloo in 1815 to Wellington.", "He lost the battle."),
            ("Restart the router. If that does not help, call us at 555-123-4567.", "Restart the router."),
        ],
    );
}

#[test]
fn one_conflict_among_many_facts_still_counts() {
    let text = |n: u32| {
        format!(
            "The firm was founded in 1998 in Berlin. It has 250 employees and earned $4.5 million last year. Its \
             chief is Anna Keller, who joined in 2005 from Siemens. The plant in Leipzig makes {n} cars per day. It does \
             not export to Canada. Costs rose by 3% in 2023, and 12 new sites are planned in Poland by 2030."
        )
    };
    assert!(score(&text(400), &text(900)) >= 0.35);
    assert_eq!(score(&text(400), &text(400)), 0.0);
}

#[test]
fn strange_input_is_harmless() {
    let long = "1 Not The é-9 ".repeat(9000);
    let odd = [
        "\u{0}",
        "'",
        "’s",
        "1.",
        "-",
        "1-",
        "1e999999",
        "½½½",
        "$",
        "($",
        "9".repeat(400).leak() as &str,
        "é’",
        "U.S.",
        "U.",
        "no",
        "not",
        "1/0",
        "99:99",
        "99999999999999999999:30",
        "99999999999999999999-12-31",
        "We met Us and US.",
        "\u{301}\u{301}",
        "a\u{200d}b",
        "🇩🇪5",
        "-−-5",
        "1,,2",
        "1.2.3.4.5.6.7.8.9.10",
        "٣٫٥",
        &long,
        "’",
        "ß’s",
        "\u{2019}s\u{2019}s",
        "n't",
        "1st2nd",
        "5%%",
        "°",
        "5°",
        "12:30:45:50",
        "0000-00-00",
        "31/31/3131",
        "May",
        "May 5 5",
    ];
    for a in odd {
        for b in odd {
            score(a, b);
        }
    }
    assert!(Facts::of(&long).iter().count() <= 4 * super::MOST_PER_KIND);
    assert!(Facts::of(&long).footprint() < 128 * 1024);
}

/// Random sequences of fragments that matter to the readers.
#[test]
fn random_texts_are_symmetric() {
    let fragments = [
        "5",
        "-",
        "–",
        " ",
        " ",
        " ",
        ".",
        ". ",
        ", ",
        "$",
        "%",
        "€",
        "(",
        ")",
        "not",
        "no",
        "never",
        "Smith",
        "USA",
        "U.S.",
        "May",
        "2024",
        "March",
        "Monday",
        "km",
        "million",
        "one",
        "twenty",
        "half",
        "an hour",
        "pm",
        "of",
        "the",
        "increase",
        "falls",
        "safe",
        "unsafe",
        "is",
        "and",
        "but",
        "é",
        "’s",
        "'",
        "中",
        "٣",
        "½",
        "\n",
        "1.2.3",
        "14:30",
        "03/05/2024",
        ":",
        "/",
        "Yes",
        "neither",
        "fails to",
        "rather than",
        "dogs",
        "run",
        "running",
        "Green",
        "\u{2212}",
        "🙂",
        "1e9",
        "first",
        "°C",
        "IMF",
    ];
    let mut seed = 7u64;
    let mut next = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n
    };
    for _ in 0..2000 {
        let length = 1 + next(40);
        let mut text =
            || (0..length).map(|_| fragments[next(fragments.len())]).collect::<Vec<_>>().join(["", " "][next(2)]);
        let (a, b) = (text(), text());
        let s = score(&a, &b);
        assert!((0.0..=1.0).contains(&s), "{s}: {a} | {b}");
    }
}

//! More pairs of everyday answers - trading, databases, support, medicine, weather, history - and other languages.

use super::pairs::within;

#[test]
fn less_common_notations_agree() {
    within(
        0.0,
        0.15,
        &[
            ("It costs \u{1b}[31m500 USD\u{1b}[0m.", "It costs 500 USD."),
            ("Revenue was $3.2mm.", "Revenue was 3.2M USD."),
            ("Net income was $(2.4) million.", "Net income was -$2.4M."),
            ("The balance is (3,400) USD.", "The balance is -3,400 USD."),
            ("Half a million users signed up.", "0.5M users signed up."),
            ("The deal is worth 40m EUR.", "The deal is worth EUR 40 million."),
            ("v2.4.1", "version 2.4.1"),
            ("We are open 9am-5pm.", "We are open 09:00 to 17:00."),
            ("It takes 2h15m.", "It takes 2 hours and 15 minutes."),
            ("The price is 5,00,000 rupees.", "The price is 500,000 rupees."),
            ("Ｓｅｌｌ　１００", "Sell 100"),
            ("Sleep 8 hours.", "Take 200."),
            ("The dose is 8 hours.", "The dose is 200 to 400 mg."),
            ("Wait 8 hours between doses.", "Take 200 to 400 mg."),
            ("会议在2026年5月3日举行。", "会议在2026-05-03举行。"),
        ],
    );
    within(
        0.75,
        1.0,
        &[
            ("The balance is (3,400) USD.", "The balance is 3,400 USD."),
            ("It takes 2h15m.", "It takes 2 hours and 50 minutes."),
            ("It ships in v2.4.1.", "It ships in version 2.4.2."),
            ("会议在2026年5月3日举行。", "会议在2026年5月5日举行。"),
            ("会議は2026年5月3日です。", "会議は2026年5月5日です。"),
        ],
    );
}

#[test]
fn re_worded_answers_agree() {
    within(
        0.0,
        0.1,
        &[
            (
                "To cancel an order, go to **Your Orders** and click *Cancel*.",
                "You can cancel by opening Your Orders and clicking Cancel.",
            ),
            (
                "Ensure that the server is running before you connect.",
                "Verify that the server is running, then connect.",
            ),
            ("Unfortunately, we cannot refund this purchase.", "We're unable to refund this purchase, unfortunately."),
            (
                "The stock closed at $182.50, up 1.2% on Tuesday.",
                "On Tuesday the shares rose 1.2% to close at 182.50 dollars.",
            ),
            ("SELECT name FROM users WHERE age > 30;", "select name from users where age > 30"),
            ("Aspirin should not be given to children under 16.", "Children under 16 should not take aspirin."),
            ("World War II ended in 1945.", "The Second World War ended in 1945."),
            (
                "The Treaty of Versailles was signed on 28 June 1919.",
                "On June 28, 1919, the Treaty of Versailles was signed.",
            ),
            (
                "It will be sunny tomorrow with a high of 25°C and light winds.",
                "Expect sunshine tomorrow, highs near 25 degrees Celsius and light wind.",
            ),
            ("The answer is 42.", "42"),
            ("I'm sorry, but I can't help with that.", "Sorry, I cannot assist with that."),
            ("Albert Einstein developed the theory of relativity.", "Einstein developed relativity."),
            ("Water boils at 100°C at sea level.", "At sea level, water boils at 212 °F."),
            ("You'll need about 2 hours.", "It takes roughly 120 minutes."),
            ("Barack Obama was the 44th president of the United States.", "Obama was the 44th US president."),
            ("The company isn't profitable.", "The company is unprofitable."),
            ("Python 3.12 was released in October 2023.", "Python 3.12 came out on October 2, 2023."),
            (
                "The shop is open from 9 am to 5 pm, Monday to Friday.",
                "The shop opens Monday through Friday, 9:00-17:00.",
            ),
            (
                "The Great Wall of China is over 13,000 miles long.",
                "China's Great Wall is more than 13,000 miles long.",
            ),
            ("Mount Everest is 8,849 metres tall.", "Everest is 8.849 km high."),
            ("She didn't pass the exam.", "She failed the exam."),
            ("There's no evidence that it works.", "No evidence shows that it works."),
            ("It isn't legal.", "It's illegal."),
            ("He never smoked.", "He has never been a smoker."),
            ("The patient does not have a fever.", "The patient has no fever."),
            ("Interest rates went up by a quarter point, or 0.25%.", "Rates rose 25 basis points."),
            (
                "There are 3 steps:\n1. Open Settings\n2. Tap Reset\n3. Confirm",
                "There are three steps:\n- Open Settings\n- Tap Reset\n- Confirm",
            ),
            ("The population is about 8.4 million.", "The population is 8,398,748."),
            ("Don't forget to save.", "Remember to save."),
            ("It may rain in May.", "In May it may rain."),
            ("The flight departs at noon.", "The flight departs at 12:00 pm."),
            ("A 15% discount applies to orders above $50.", "Orders over $50 get 15% off."),
            ("Neither party accepted the offer.", "Both parties rejected the offer."),
            ("Shares were lower after the report.", "After the report, shares fell."),
            ("First, unplug it, then wait 30 seconds.", "Unplug it and wait for half a minute."),
            ("The flight departs at noon.", "The flight departs at 12:00 pm."),
            ("Don't forget to save.", "Remember to save."),
            ("Neither party accepted the offer.", "Both parties rejected the offer."),
            ("Am 5. März 2024 geschlossen.", "Am 05.03.2024 geschlossen."),
            ("El 5 de marzo de 2024 hay fiesta.", "La fiesta es el 05.03.2024."),
            ("Aspirin should not be given to children under 16.", "Children under 16 should not take aspirin."),
            ("It is not considered safe for cats.", "It is unsafe for cats."),
            ("The CEO, Tim Cook, said sales rose.", "Tim Cook, Apple's CEO, said that sales increased."),
            (
                "**Diagnosis:** The patient likely has Influenza A. Take 75 mg Oseltamivir twice daily for 5 days.",
                "The patient probably has influenza A and should take oseltamivir 75 mg two times a day for five days.",
            ),
            (
                "To optimise this query, add an index on `orders.customer_id`. Avoid `SELECT *`. \
             Use `EXPLAIN ANALYZE` to verify.",
                "Add an index on orders.customer_id, avoid SELECT *, and check with EXPLAIN ANALYZE.",
            ),
            (
                "Thank you for reaching out! I've issued a refund of $49.99 to your Visa card. \
             It may take 3–5 business days.",
                "I have refunded 49.99 USD to your Visa card; please allow three to five business days.",
            ),
            (
                "The French Revolution began in 1789 and ended in 1799 when Napoleon Bonaparte seized power.",
                "Beginning in 1789, the French Revolution lasted until 1799, when Napoleon took power.",
            ),
            (
                "The S&P 500 fell 2.3% to 4,117.86 on Friday.",
                "On Friday the S&P 500 dropped by 2.3 percent to 4117.86.",
            ),
            ("I don't know the answer to that.", "I'm not sure about the answer."),
            (
                "There is a 60% chance of rain in Seattle on Thursday.",
                "Seattle has a 60 percent chance of rain Thursday.",
            ),
            (
                "The drug may cause nausea, dizziness, and headaches. Do not drive.",
                "Nausea, dizziness and headaches can occur. You should not drive.",
            ),
            ("No, you should not mix bleach and ammonia.", "You should never mix ammonia with bleach."),
            ("Marie Curie won two Nobel Prizes.", "Marie Curie won the Nobel Prize twice."),
            ("Note: prices do not include VAT.", "Prices exclude VAT."),
        ],
    );
}

#[test]
fn edited_answers_conflict() {
    within(
        0.5,
        1.0,
        &[
            ("Mars has two moons.", "Mars has four moons."),
            ("Sell 100 shares of TSLA at $250.", "Sell 1,000 shares of TSLA at $250."),
            ("The stock closed at $182.50, up 1.2%.", "The stock closed at $182.50, down 1.2%."),
            ("Place the stop loss above the entry price.", "Place the stop loss below the entry price."),
            ("Go long EUR/USD at 1.0850.", "Go short EUR/USD at 1.0850."),
            ("The refund takes 5-7 days.", "The refund takes 5-10 days."),
            ("Take it before meals.", "Take it after meals."),
            ("Paracetamol is safe with alcohol.", "Paracetamol is not safe with alcohol."),
            ("The Berlin Wall fell on 9 November 1989.", "The Berlin Wall fell on 9 November 1991."),
            ("The first president was George Washington.", "The first president was Thomas Jefferson."),
            ("The Battle of Hastings was won by William.", "The Battle of Hastings was won by Harold."),
            ("It was invented by Nikola Tesla.", "It was invented by Thomas Edison."),
            ("Rain is likely tomorrow.", "Rain is unlikely tomorrow."),
            ("The answer is 42.", "The answer is 43."),
            ("42", "43"),
            ("-5", "5"),
            ("True", "False"),
            ("You should reboot the server.", "You should not reboot the server."),
            ("Yes, the store is open on Sundays.", "No, the store is closed on Sundays."),
            ("Your claim has been accepted.", "Your claim has been denied."),
            ("The temperature will be 20°C.", "The temperature will be 20°F."),
            ("He scored 3 goals in 2 games for Arsenal.", "He scored 3 goals in 2 games for Chelsea."),
            ("I would recommend this fund.", "I wouldn't recommend this fund."),
            ("The court found him guilty.", "The court found him not guilty."),
            ("Nobody was injured.", "Two people were injured."),
            ("The meeting is on Monday at 10 am.", "The meeting is on Monday at 10 pm."),
            ("The deadline is 2024-03-05.", "The deadline is 2024-05-03."),
            ("Version 2.1.3 fixes the bug.", "Version 2.1.4 fixes the bug."),
            ("It was the second largest city.", "It was the third largest city."),
            ("The vaccine is effective.", "The vaccine is ineffective."),
            ("The dose is 0.5 mg/kg.", "The dose is 5 mg/kg."),
            ("All tests passed.", "Not all tests passed."),
            ("Prices are expected to go up.", "Prices are not expected to go up."),
            ("North Korea fired a missile.", "South Korea fired a missile."),
            ("Wait 30 seconds.", "Wait half an hour."),
            ("The CEO, Tim Cook, said sales rose.", "The CEO, Satya Nadella, said sales rose."),
            (
                "Take 75 mg twice daily for 5 days. Drink plenty of water. Avoid alcohol.",
                "Take 75 mg twice daily for 15 days. Drink plenty of water. Avoid alcohol.",
            ),
            (
                "Thank you for reaching out! I've issued a refund of $49.99 to your Visa card.",
                "Thank you for reaching out! I've issued a refund of $499.99 to your Visa card.",
            ),
            ("The S&P 500 fell 2.3% to 4,117.86 on Friday.", "The S&P 500 rose 2.3% to 4,117.86 on Friday."),
            ("The French Revolution began in 1789 in Paris.", "The French Revolution began in 1798 in Paris."),
            (
                "There is a 60% chance of rain in Seattle on Thursday.",
                "There is a 60% chance of rain in Portland on Thursday.",
            ),
            ("You can take ibuprofen with this medicine.", "You cannot take ibuprofen with this medicine."),
            ("The index speeds up the query.", "The index does not speed up the query."),
            ("The item is in stock.", "The item is out of stock."),
            ("Prices include VAT.", "Prices do not include VAT."),
            ("The company reported a net profit of $3.2 million.", "The company reported a net loss of $3.2 million."),
            ("Cleopatra was not Egyptian by ancestry.", "Cleopatra was Egyptian by ancestry."),
            ("The king died before the war.", "The king died after the war."),
            ("The market is open.", "The market is closed."),
            ("Antibiotics work against viruses.", "Antibiotics don't work against viruses."),
        ],
    );
}

#[test]
fn additions_weigh_little() {
    within(
        0.0,
        0.25,
        &[
            (
                "The S&P 500 fell on Friday.",
                "The S&P 500 fell 2.3% to 4,117.86 on Friday, its lowest since March 2023.",
            ),
            ("Drink water.", "Drink water. Do not drink alcohol with this medicine."),
            (
                "Tim Cook runs Apple.",
                "Tim Cook, who succeeded Steve Jobs in 2011, runs Apple. He does not use Android.",
            ),
        ],
    );
}

#[test]
fn other_languages() {
    within(
        0.0,
        0.1,
        &[
            ("Der Hund frisst nicht. Berlin ist gross.", "Die Katze schläft. München ist klein."),
            ("Het weer is vandaag niet goed.", "Vandaag regent het in Amsterdam."),
            ("Pogoda jest dzisiaj dobra w Warszawie.", "Dzisiaj pada deszcz w Krakowie."),
            ("Hava bugün güzel.", "Ankara'da yağmur var."),
            ("Selamat pagi, nama saya Budi.", "Terima kasih banyak, Pak Joko."),
            ("La capital de Francia es París.", "La capital de Alemania es Berlín."),
            ("Il fatturato è di 1.500 euro.", "Il fatturato ammonta a 1500 euro."),
            ("Das kostet 3,50 €.", "Das macht 3.50 Euro."),
            ("Le prix est de 1 234,50 €.", "Le prix est de 1234,5 euros."),
            ("Am 5. März 2024 geschlossen.", "Am 05.03.2024 geschlossen."),
        ],
    );
}

#[test]
fn other_languages_stay_quiet() {
    within(
        0.0,
        0.1,
        &[
            ("Die Katze sitzt auf dem Tisch.", "Der Hund liegt unter dem Bett."),
            ("Der Umsatz war 1.234,56 Euro.", "Der Umsatz betrug 1234,56 €."),
            ("Le chat est sur la table.", "Un chien dort dans le jardin."),
            ("価格は５０００円です。", "値段は5000円です。"),
            ("Цена 1 500 000 рублей.", "Стоит 1,5 млн рублей."),
            ("السعر ١٢٣ ريال", "السعر هو 123 ريال"),
            ("🙂🙂", "👍"),
        ],
    );
    within(
        0.5,
        1.0,
        &[
            ("Der Umsatz war 1.234,56 Euro.", "Der Umsatz war 12.345,60 Euro."),
            ("価格は5000円です。", "価格は6000円です。"),
            ("Er hat 5 Hunde.", "Er hat 7 Hunde."),
        ],
    );
}

#[test]
fn measures_in_several_parts_and_shares_of_a_whole() {
    within(
        0.0,
        0.1,
        &[
            ("The job took 90 minutes.", "The job took 1 h 30 min."),
            ("It runs for 2 hours and 30 minutes.", "It runs for 150 minutes."),
            ("Take it for 2 weeks 3 days.", "Take it for 17 days."),
            ("About half of the users left.", "Roughly 50% of the users left."),
            ("Around 1/2 of the users left.", "About 50% of the users left."),
            ("Il treno parte alle 9:15.", "Il treno parte alle 9.15."),
            ("It ships from the U.K.", "It ships from the United Kingdom."),
            ("They sailed from Spain in 1519.", "They sailed from Spain in 1519 and came home in 1522."),
        ],
    );
    within(
        0.75,
        1.0,
        &[
            ("It runs for 2 hours and 30 minutes.", "It runs for 2 hours and 45 minutes."),
            ("Half of the users left.", "60% of the users left."),
            ("The trail is about 14 km long.", "It is roughly 14 miles."),
            ("Up to 30 kg of baggage are free.", "You may check in 23 kg."),
        ],
    );
}

#[test]
fn conditions_and_concessions_claim_nothing() {
    within(
        0.0,
        0.15,
        &[
            ("You can pay with or without an account.", "You can pay with an account."),
            ("Rows are kept even if there is no match.", "Rows are kept, including those without a match."),
            ("Without a signature the contract is not binding.", "The contract is binding once it has a signature."),
            ("Damage is not covered by the policy.", "Damage is excluded from the policy."),
            ("When rates rise, prices fall.", "Prices go down as rates go up."),
            ("The hash join is faster than the nested loop.", "The nested loop is slower than the hash join."),
            ("Users don't need to restart.", "No restart is necessary."),
        ],
    );
    within(
        0.5,
        1.0,
        &[
            ("The clause is likely enforceable.", "The clause is probably not enforceable."),
            ("No customer data was lost.", "During the outage some customer data was lost."),
            ("Prices will probably rise next quarter.", "I expect prices to fall over the next quarter."),
            ("The potassium is low.", "Potassium is high."),
            ("Opened items can be refunded.", "Opened items are not eligible to be refunded."),
            ("A column with no default rewrites the table.", "A column with no default does not rewrite the table."),
        ],
    );
}

#[test]
fn names_of_one_sort_replace_each_other() {
    within(
        0.7,
        1.0,
        &[
            ("I'd go with MSFT for its steadier margins.", "My pick would be ORCL, as its margins are steadier."),
            ("The failure started in `checkout-api`.", "It was `inventory-api` where the failure started."),
        ],
    );
}

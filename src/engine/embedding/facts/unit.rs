//! Units of measurement and currencies, brought to one base unit per dimension.

/// What a number measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    Bare,
    Percent,
    Ordinal,
    Opaque,
    /// Minutes since midnight.
    Clock,
    /// The same on a twelve-hour clock without am or pm.
    HalfClock,
    Currency(u8),
    Length,
    Mass,
    Time,
    Data,
    Power,
    Energy,
    Voltage,
    Current,
    Pressure,
    /// Kelvin.
    Temperature,
    Volume,
    Speed,
    Frequency,
    Area,
}

impl Class {
    /// A measure with a dimension, neither a count nor a share nor money.
    pub fn is_physical(self) -> bool {
        let count = matches!(self, Self::Bare | Self::Percent | Self::Ordinal | Self::Opaque | Self::Currency(_));
        !count && !self.is_clock()
    }

    pub fn is_clock(self) -> bool {
        matches!(self, Self::Clock | Self::HalfClock)
    }
}

/// How to bring a number to the base unit of its class: `value * factor + offset`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Unit {
    pub class: Class,
    pub factor: f64,
    pub offset: f64,
}

const fn unit(class: Class, factor: f64) -> Option<Unit> {
    Some(Unit { class, factor, offset: 0.0 })
}

pub const CELSIUS: Unit = Unit { class: Class::Temperature, factor: 1.0, offset: 273.15 };
pub const FAHRENHEIT: Unit = Unit { class: Class::Temperature, factor: 5.0 / 9.0, offset: 255.372_222_222_222_2 };
pub const PERCENT: Unit = Unit { class: Class::Percent, factor: 1.0, offset: 0.0 };
pub const PER_MILLE: Unit = Unit { class: Class::Percent, factor: 0.1, offset: 0.0 };

/// A factor that a word or glued letter stands for.
pub fn scale(word: &str, glued: bool, money: bool) -> Option<f64> {
    Some(match word {
        "thousand" | "Thousand" | "千" => 1e3,
        "k" | "K" if glued || money => 1e3,
        "million" | "Million" | "mn" | "mln" | "mio" | "Mio" | "Millionen" | "millones" | "millions" | "млн" => 1e6,
        "M" | "MM" if glued || money => 1e6,
        "m" | "mm" if money => 1e6,
        "billion" | "Billion" | "bn" | "bln" | "Mrd" | "Milliarden" | "milliards" | "млрд" => 1e9,
        "b" | "B" if glued || money => 1e9,
        "trillion" | "Trillion" | "tn" | "trn" => 1e12,
        "T" if money => 1e12,
        "hundred" => 100.0,
        "dozen" => 12.0,
        _ if word.starts_with('万') || word.starts_with('萬') => 1e4,
        _ if word.starts_with('亿') || word.starts_with('億') => 1e8,
        _ => return None,
    })
}

/// The unit a word stands for; case counts where it must (mW, MW).
pub fn of(word: &str) -> Option<Unit> {
    if word.len() > 12 {
        return None;
    }
    if word.len() > 3 {
        return long(word);
    }
    extent(word).or_else(|| physical(word)).or_else(|| currency(word))
}

/// Symbols of shares, lengths, masses, times and data.
fn extent(word: &str) -> Option<Unit> {
    use Class::{Data, Length, Mass, Time};
    match word {
        "%" | "pct" => unit(Class::Percent, 1.0),
        "bps" | "bp" => unit(Class::Percent, 0.01),
        "nm" => unit(Length, 1e-9),
        "µm" | "μm" => unit(Length, 1e-6),
        "mm" => unit(Length, 1e-3),
        "cm" => unit(Length, 1e-2),
        "m" => unit(Length, 1.0),
        "km" => unit(Length, 1e3),
        "mi" => unit(Length, 1609.344),
        "ft" => unit(Length, 0.3048),
        "yd" => unit(Length, 0.9144),
        "µg" | "μg" | "mcg" => unit(Mass, 1e-9),
        "mg" => unit(Mass, 1e-6),
        "g" => unit(Mass, 1e-3),
        "kg" => unit(Mass, 1.0),
        "t" => unit(Mass, 1e3),
        "lb" | "lbs" => unit(Mass, POUND),
        "oz" => unit(Mass, 0.028_349_523),
        "ns" => unit(Time, 1e-9),
        "µs" | "μs" | "us" => unit(Time, 1e-6),
        "ms" => unit(Time, 1e-3),
        "s" | "sec" => unit(Time, 1.0),
        "min" => unit(Time, 60.0),
        "h" | "hr" | "hrs" => unit(Time, 3600.0),
        "day" => unit(Time, 86_400.0),
        "yr" | "yrs" => unit(Time, YEAR),
        "KB" | "kB" => unit(Data, 1e3),
        "MB" => unit(Data, 1e6),
        "GB" => unit(Data, 1e9),
        "TB" => unit(Data, 1e12),
        "PB" => unit(Data, 1e15),
        "KiB" => unit(Data, 1024.0),
        "MiB" => unit(Data, 1_048_576.0),
        "GiB" => unit(Data, 1_073_741_824.0),
        _ => None,
    }
}

/// Symbols of the other dimensions.
fn physical(word: &str) -> Option<Unit> {
    use Class::{Area, Current, Energy, Frequency, Power, Pressure, Speed, Voltage, Volume};
    match word {
        "mW" => unit(Power, 1e-3),
        "W" => unit(Power, 1.0),
        "kW" | "KW" => unit(Power, 1e3),
        "MW" => unit(Power, 1e6),
        "GW" => unit(Power, 1e9),
        "hp" => unit(Power, 745.7),
        "J" => unit(Energy, 1.0),
        "kJ" => unit(Energy, 1e3),
        "MJ" => unit(Energy, 1e6),
        "Wh" => unit(Energy, 3.6e3),
        "kWh" | "KWh" => unit(Energy, 3.6e6),
        "MWh" => unit(Energy, 3.6e9),
        "mV" => unit(Voltage, 1e-3),
        "V" => unit(Voltage, 1.0),
        "kV" => unit(Voltage, 1e3),
        "mA" => unit(Current, 1e-3),
        "Pa" => unit(Pressure, 1.0),
        "hPa" => unit(Pressure, 100.0),
        "kPa" => unit(Pressure, 1e3),
        "MPa" => unit(Pressure, 1e6),
        "bar" => unit(Pressure, 1e5),
        "psi" => unit(Pressure, 6894.757),
        "K" => unit(Class::Temperature, 1.0),
        "C" | "°C" => Some(CELSIUS),
        "F" | "°F" => Some(FAHRENHEIT),
        "ml" | "mL" => unit(Volume, 1e-3),
        "cl" => unit(Volume, 1e-2),
        "l" | "L" => unit(Volume, 1.0),
        "mph" => unit(Speed, 0.447_04),
        "kmh" | "kph" => unit(Speed, 1.0 / 3.6),
        "Hz" => unit(Frequency, 1.0),
        "kHz" => unit(Frequency, 1e3),
        "MHz" => unit(Frequency, 1e6),
        "GHz" => unit(Frequency, 1e9),
        "ha" => unit(Area, 1e4),
        _ => None,
    }
}

/// In kilograms.
pub const POUND: f64 = 0.453_592_37;
const YEAR: f64 = 365.25 * 86_400.0;

fn long(word: &str) -> Option<Unit> {
    let mut buffer = [0u8; 12];
    let lower = buffer.get_mut(..word.len())?;
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    let word = std::str::from_utf8(lower).ok()?;
    let one = word.strip_suffix('s').unwrap_or(word);
    use Class::{Area, Current, Data, Energy, Length, Mass, Percent, Power, Time, Voltage, Volume};
    match one {
        "percent" | "prozent" => unit(Percent, 1.0),
        "millimetre" | "millimeter" => unit(Length, 1e-3),
        "centimetre" | "centimeter" => unit(Length, 1e-2),
        "metre" | "meter" => unit(Length, 1.0),
        "kilometre" | "kilometer" => unit(Length, 1e3),
        "mile" => unit(Length, 1609.344),
        "foot" | "feet" => unit(Length, 0.3048),
        "inch" | "inche" => unit(Length, 0.0254),
        "yard" => unit(Length, 0.9144),
        "microgram" => unit(Mass, 1e-9),
        "milligram" => unit(Mass, 1e-6),
        "gram" => unit(Mass, 1e-3),
        "kilogram" | "kilo" => unit(Mass, 1.0),
        "tonne" => unit(Mass, 1e3),
        "pound" => unit(Mass, POUND),
        "ounce" => unit(Mass, 0.028_349_523),
        "millisecond" => unit(Time, 1e-3),
        "second" => unit(Time, 1.0),
        "minute" | "min" => unit(Time, 60.0),
        "hour" => unit(Time, 3600.0),
        "day" => unit(Time, 86_400.0),
        "week" => unit(Time, 604_800.0),
        "month" => unit(Time, YEAR / 12.0),
        "year" => unit(Time, YEAR),
        "decade" => unit(Time, 10.0 * YEAR),
        "byte" => unit(Data, 1.0),
        "kilobyte" => unit(Data, 1e3),
        "megabyte" => unit(Data, 1e6),
        "gigabyte" => unit(Data, 1e9),
        "terabyte" => unit(Data, 1e12),
        "watt" => unit(Power, 1.0),
        "kilowatt" => unit(Power, 1e3),
        "megawatt" => unit(Power, 1e6),
        "gigawatt" => unit(Power, 1e9),
        "joule" => unit(Energy, 1.0),
        "volt" => unit(Voltage, 1.0),
        "amp" | "ampere" => unit(Current, 1.0),
        "kelvin" => unit(Class::Temperature, 1.0),
        "celsiu" => Some(CELSIUS),
        "fahrenheit" => Some(FAHRENHEIT),
        "millilitre" | "milliliter" => unit(Volume, 1e-3),
        "litre" | "liter" => unit(Volume, 1.0),
        "gallon" => unit(Volume, 3.785_411_784),
        "acre" => unit(Area, 4046.856),
        "hectare" => unit(Area, 1e4),
        _ => currency(word),
    }
}

/// A currency by its code or its plain name; codes only in capitals.
pub fn currency(word: &str) -> Option<Unit> {
    let (number, factor) = match word {
        "USD" | "dollar" | "dollars" | "bucks" => (1, 1.0),
        "cent" | "cents" => (1, 0.01),
        "EUR" | "euro" | "euros" | "Euro" => (2, 1.0),
        "GBP" | "pence" => (3, if word == "GBP" { 1.0 } else { 0.01 }),
        "JPY" | "yen" => (4, 1.0),
        "CHF" | "franc" | "francs" => (5, 1.0),
        "CNY" | "RMB" | "yuan" | "renminbi" | "元" => (6, 1.0),
        "INR" | "rupee" | "rupees" => (7, 1.0),
        "RUB" | "ruble" | "rubles" | "roubles" => (8, 1.0),
        "KRW" | "won" => (9, 1.0),
        "AUD" => (10, 1.0),
        "CAD" => (11, 1.0),
        "BTC" | "bitcoin" | "bitcoins" => (12, 1.0),
        "ETH" | "ether" => (13, 1.0),
        "SEK" => (14, 1.0),
        "NOK" => (15, 1.0),
        "MXN" | "peso" | "pesos" => (16, 1.0),
        "BRL" | "reais" => (17, 1.0),
        "SGD" => (18, 1.0),
        "HKD" => (19, 1.0),
        "NZD" => (20, 1.0),
        "PLN" => (21, 1.0),
        _ => return None,
    };
    unit(Class::Currency(number), factor)
}

/// A currency by its sign.
pub fn sign(c: char) -> Option<Unit> {
    let number = match c {
        '$' | '＄' => 1,
        '€' => 2,
        '£' => 3,
        '¥' | '￥' => 4,
        '₹' => 7,
        '₽' => 8,
        '₩' => 9,
        '₿' => 12,
        _ => return None,
    };
    unit(Class::Currency(number), 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_dimension_same_base() {
        let table = [("km", "m", 1000.0), ("h", "min", 60.0), ("GB", "MB", 1000.0), ("hours", "minutes", 60.0)];
        for (big, small, ratio) in table {
            let (big, small) = (of(big).unwrap(), of(small).unwrap());
            assert_eq!(big.class, small.class);
            assert!((big.factor / small.factor - ratio).abs() < 1e-9);
        }
        assert_eq!(of("USD"), sign('$'));
        assert_ne!(of("mW"), of("MW"));
        assert_eq!(of("Celsius"), Some(CELSIUS));
        assert_eq!(of("table"), None);
    }
}

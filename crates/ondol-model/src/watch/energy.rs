//! What the box draws, and what that costs.

use super::words::tongue::grouped;

/// The average is over so long at most, in seconds: a day and a night.
const WINDOW: f64 = 24.0 * 60.0 * 60.0;
/// Hours of an average month.
const MONTH_HOURS: f64 = 730.5;

/// A counter of energy that begins again at 0 when it is full.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnergyCounter {
    last: Option<u64>,
}

impl EnergyCounter {
    /// The counter stands at this; says by how much it rose since the last time. `range` is its largest value.
    pub fn risen(&mut self, now: u64, range: u64) -> u64 {
        let Some(last) = self.last.replace(now) else {
            return 0;
        };
        match now >= last {
            true => now - last,
            // Without a range it is not known how far it went.
            false => range.saturating_sub(last).saturating_add(now).min(range),
        }
    }
}

/// What is drawn on average, over the last day or as long as is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SteadyWatts {
    seconds: f64,
    watts: f64,
}

impl SteadyWatts {
    /// So many watts were drawn for so many seconds.
    pub fn add(&mut self, watts: f64, seconds: f64) {
        if !watts.is_finite() || seconds.is_nan() || seconds <= 0.0 {
            return;
        }
        self.seconds = (self.seconds + seconds).min(WINDOW);
        let weight = (seconds / self.seconds).min(1.0);
        self.watts += (watts - self.watts) * weight;
    }

    /// The average; `None` when nothing is known.
    pub fn watts(&self) -> Option<f64> {
        (self.seconds > 0.0).then_some(self.watts)
    }
}

/// What a month of it costs, for people (`2,800 KRW a month`); the price of a kilowatt-hour is in thousandths.
pub fn monthly_cost(watts: f64, price_thousandths: u64, currency: &str) -> String {
    let kilowatt_hours = watts.max(0.0) / 1000.0 * MONTH_HOURS;
    let amount = kilowatt_hours * price_thousandths as f64 / 1000.0;
    let amount = match amount {
        // More digits would claim to know more than anybody does.
        0.0..20.0 => format!("{amount:.2}"),
        20.0..1000.0 => format!("{amount:.0}"),
        _ => grouped((amount / 10.0).round() as u64 * 10),
    };
    match currency {
        "" => format!("{amount} a month"),
        currency => format!("{amount} {currency} a month"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_is_full_begins_again() {
        let mut counter = EnergyCounter::default();
        let risen: Vec<_> = [100, 150, 150, 20, 5]
            .into_iter()
            .map(|now| counter.risen(now, 200))
            .collect();
        assert_eq!(risen, [0, 50, 0, 70, 185]);
        // A range that makes no sense gives no energy that was never used.
        assert_eq!(counter.risen(1, 0), 0);
    }

    #[test]
    fn the_average_is_of_the_last_day() {
        let mut watts = SteadyWatts::default();
        assert_eq!(watts.watts(), None);
        watts.add(10.0, 60.0);
        watts.add(20.0, 60.0);
        assert_eq!(watts.watts(), Some(15.0));
        watts.add(f64::NAN, 60.0);
        watts.add(99.0, 0.0);
        assert_eq!(watts.watts(), Some(15.0));
        for _ in 0..10 * 24 * 60 {
            watts.add(40.0, 60.0);
        }
        assert!((watts.watts().unwrap() - 40.0).abs() < 0.1);
    }

    #[test]
    fn a_month_costs_what_a_bill_would_say() {
        for (watts, price, currency, text) in [
            (15.0, 228_000, "KRW", "2,500 KRW a month"),
            (60.0, 228_000, "KRW", "9,990 KRW a month"),
            (15.0, 320, "EUR", "3.51 EUR a month"),
            (90.0, 400, "EUR", "26 EUR a month"),
            (0.0, 320, "", "0.00 a month"),
            (2_000_000.0, 228_000, "KRW", "333,108,000 KRW a month"),
        ] {
            assert_eq!(monthly_cost(watts, price, currency), text);
        }
    }
}

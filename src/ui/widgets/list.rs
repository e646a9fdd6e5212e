//! Lists with a chosen row.

/// The first row to show, so that the chosen one is in sight.
pub fn first(chosen: usize, count: usize, room: usize) -> usize {
    chosen.saturating_sub(room / 2).min(count.saturating_sub(room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_row_is_in_sight() {
        for (count, room) in [(0, 5), (3, 5), (5, 5), (100, 5), (100, 1), (7, 0)] {
            for chosen in 0..count {
                let first = first(chosen, count, room);
                assert!(room == 0 || (first..first + room).contains(&chosen), "{chosen} of {count} in {room}");
            }
        }
    }
}

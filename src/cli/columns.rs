//! Text in columns.

use super::page::printable;

/// Longest text that still widens its column, in characters; longer ones stand out of it.
const WIDEST: usize = 60;

/// Rows with their cells below each other, two blanks apart, each line indented.
pub(super) fn columns<const N: usize>(indent: &str, rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths
            .filter(|length| *length <= WIDEST)
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    rows.iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            format!("{indent}{}\n", printable(cells.join("  ").trim_end()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_below_each_other() {
        let rows = [["a", "1"], ["long", "2"]].map(|row| row.map(str::to_owned));
        assert_eq!(columns("  ", &rows), "  a     1\n  long  2\n");
    }

    #[test]
    fn one_long_cell_does_not_push_the_others_away() {
        let rows = [
            ["a".to_owned(), "1".to_owned()],
            ["x".repeat(61), "2".to_owned()],
        ];
        assert_eq!(columns("", &rows), format!("a  1\n{}  2\n", "x".repeat(61)));
    }
}

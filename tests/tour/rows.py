#!/usr/bin/env python3
"""Prints the first rows of a Parquet file that have a value in all the columns named, and those columns.

usage: rows.py FILE ROWS COLUMN...
"""
import itertools
import sys

import pyarrow.parquet as parquet


def text(value):
    if hasattr(value, "strftime"):
        return value.strftime("%Y-%m-%d")
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def main():
    path, count, columns = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    file = parquet.ParquetFile(path)
    whole = (row for batch in file.iter_batches(columns=columns) for row in batch.to_pylist()
             if None not in row.values())
    rows = [columns] + [[text(row[column]) for column in columns] for row in itertools.islice(whole, count)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(columns))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths)))
    print(f"… {file.metadata.num_rows} rows in all")


if __name__ == "__main__":
    main()

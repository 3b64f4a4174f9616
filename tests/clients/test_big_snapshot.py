"""A snapshot of millions of rows: as many as there must be, in bounded memory on either side."""
import os
import subprocess
import time

import pyarrow.parquet as parquet

import harness

CUSTOMERS = 20_000
CLIENT_BYTES_MAX = 512 << 20
# What the server may take on top of what it held before: caches fill, nothing else grows with the rows.
SERVER_BYTES_MAX = 1 << 30


def test_millions_of_rows_stream_through_bounded_memory(tmp_path):
    definitions = harness.patron("generate", "shop", "--definitions").stdout
    with harness.Server(tmp_path / "server", definitions) as server:
        events = tmp_path / "events.jsonl"
        server.patron("generate", "shop", "--customers", CUSTOMERS, "--events", 200_000, "--seed", 11, "-o", events,
                      "--from", "2023-01-01", "--to", "2024-12-31")
        server.patron("import", events, "--clock", "source")
        before = server.memory_peak_bytes()
        out = tmp_path / "big.parquet"
        command = [str(harness.BUILD / "patron"), "snapshot", "--server", server.address, "--service", "churn",
                   "--every", "7d", "--from", "2023-01-08", "--to", "2024-12-29", "-o", str(out)]
        started = time.monotonic()
        with subprocess.Popen(command) as process:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        assert process.returncode == 0
        client_peak = used.ru_maxrss * 1024
        file = parquet.ParquetFile(out)
        rows = file.metadata.num_rows
        print(f"{rows} rows in {seconds:.1f} s; client {client_peak >> 20} MiB, "
              f"server {before >> 20} -> {server.memory_peak_bytes() >> 20} MiB, file {out.stat().st_size >> 20} MiB")
        assert rows > 500_000
        assert max(file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)) <= 65_536
        assert client_peak < CLIENT_BYTES_MAX
        if "build-asan" not in str(harness.BUILD):
            assert server.memory_peak_bytes() - before < SERVER_BYTES_MAX

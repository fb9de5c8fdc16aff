//! Workers, slots, leases and the processes behind them.

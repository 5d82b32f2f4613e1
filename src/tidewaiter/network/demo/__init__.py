"""Seven members on this machine that follow parcels together: the demonstration of `tidewaiter network demo`.

`stage` founds and runs them, `parcels` is what happens to goods, `governing` what members change among themselves, `faults`
what goes wrong. Nothing is made up by the account: every line is what a member answered.
"""

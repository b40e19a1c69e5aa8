//! `tickline symbols` as a process, and the key that it must show nowhere.

//! Turns stored numbers into tables and pages for people.

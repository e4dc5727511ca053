//! The program and its terminal: what a person's shell looks like after kvitto, however kvitto ended.

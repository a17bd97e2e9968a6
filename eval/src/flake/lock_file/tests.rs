//! Lock files read, written and compared.

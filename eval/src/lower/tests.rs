use super::*;
use crate::ir::NO_ID;

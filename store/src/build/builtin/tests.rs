//! What the builders of this program make, and what they refuse.

//! X: mentions and the hashtag form in, public answers and messages out.

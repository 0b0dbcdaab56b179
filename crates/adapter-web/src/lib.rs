//! The citizen's form: photo, words, place, from any phone

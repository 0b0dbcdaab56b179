//! Layout, components, style and words (Indonesian, English): shared by web and the adapters that have pages

//! SMS by a gateway: Kannel, Gammu SMSD, Twilio-style, generic HTTP.

//! WhatsApp (Meta Cloud API): the webhook, the media, the replies

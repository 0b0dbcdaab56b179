# What an admin of Request Tracker clicks once: anybody may open a ticket by mail. Fed to `rt-setup-database --action insert`.
@ACL = map { { GroupDomain => 'SystemInternal', GroupType => 'Everyone', Queue => 'General', Right => $_ } } qw(CreateTicket ReplyToTicket);
1;

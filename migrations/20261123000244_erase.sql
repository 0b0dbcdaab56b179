-- Removing what a person said and who they are, while the bare complaint stays: category, area, times, agencies, status. Everything that counts or
-- proves reads only what stays here.

-- Under which a message is known for ever, also when nothing else of it is left. Names of mails and chats hold addresses.
create function forgotten_id(platform_id text) returns text language sql immutable parallel safe as $$
  select case when starts_with(platform_id, 'gone:') then platform_id else 'gone:' || encode(sha256(convert_to(platform_id, 'UTF8')), 'hex') end
$$;

create function erase_senders(messages uuid[]) returns void language sql as $$
  update balance_missing b
  set name = forgotten_id(b.name)
  from message m
  where m.id = any(messages) and b.adapter = m.adapter and b.kind = 'message' and strpos(b.name, m.platform_id) > 0;
  update message
  set platform_id = forgotten_id(platform_id), sender = '', sender_name = null, contact = '{}', contact_sealed = null, names = '{}', thread = null,
    in_reply_to = null, replaces = forgotten_id(replaces)
  where id = any(messages);
$$;

create function erase_ways(replies uuid[]) returns void language sql as $$
  update reply
  set reply_to = reply_to - 'sealed' - 'thread' || '{"address": "gone:-"}', platform_id = null, error = null, file_error = null
  where id = any(replies);
  update reply_rung set detail = null where first = any(replies);
$$;

-- Nobody tells any more that two complaints are one person's: each gets a citizen of its own, of whom nothing is known.
create function part_ways(ids uuid[]) returns void language plpgsql as $$
declare
  one complaint;
  alone uuid;
begin
  for one in select * from complaint where id = any(ids) loop
    alone := gen_random_uuid();
    insert into citizen (id, language, created_at) values (alone, one.language, one.opened_at);
    update complaint set citizen = alone where id = one.id;
    update message set citizen = alone where complaint = one.id;
  end loop;
end $$;

create function erase_contact(ids uuid[]) returns void language plpgsql as $$
begin
  perform erase_senders(array(select id from message where complaint = any(ids)));
  perform erase_ways(array(select id from reply where complaint = any(ids)));
  update complaint set reply_to = null, version = version + 1 where id = any(ids);
  delete from block where complaint = any(ids);
  delete from connect_code where complaint = any(ids);
  delete from unmasking where complaint = any(ids);
  perform part_ways(ids);
  perform keep_words(ids);
end $$;

create function erase_talk(replies uuid[]) returns void language sql as $$
  update reply
  set text = null, facts = jsonb_strip_nulls(jsonb_build_object('deadline', facts -> 'deadline', 'closes', facts -> 'closes'))
  where id = any(replies);
$$;

-- As many as there were, and none of them: whether there was danger is counted.
create function blanked(list jsonb) returns jsonb language sql immutable as $$
  select coalesce(jsonb_agg('-'::text), '[]') from jsonb_array_elements(coalesce(list, '[]'))
$$;

create function erase_words(ids uuid[]) returns void language plpgsql as $$
declare
  said text[];
begin
  said := array(
    select distinct word from complaint_words, unnest(tsvector_to_array(words)) as word where complaint = any(ids) and word ~ '^[a-z]{3,30}$'
  );
  update message set text = '', place = null, lat = null, lon = null, cut = null where complaint = any(ids);
  update complaint
  set text = '', place = null, lat = null, lon = null, version = version + 1,
    why = jsonb_strip_nulls(jsonb_build_object('rules', why -> 'rules', 'version', why -> 'version', 'kind', why -> 'kind', 'near', why -> 'near'))
      || jsonb_build_object('danger', blanked(why -> 'danger'), 'ethics', blanked(why -> 'ethics'))
  where id = any(ids);
  update update set text = null where complaint = any(ids) and text is not null;
  perform erase_talk(array(select id from reply where complaint = any(ids)));
  update dispatch set error = null where complaint = any(ids) and error is not null;
  update consultation set question = '', answer = case when answer is not null then '' end where complaint = any(ids);
  update review set words = '-' where complaint = any(ids) and words is not null;
  update task set words = '-', ended_at = coalesce(ended_at, now()) where complaint = any(ids);
  delete from task_link using task where task_link.task = task.id and task.complaint = any(ids);
  delete from task_mail using task where task_mail.task = task.id and task.complaint = any(ids);
  delete from draft where complaint = any(ids);
  delete from present where complaint = any(ids);
  delete from likeness where complaint = any(ids);
  delete from audit_reason where complaints && ids;
  update incident set place = null where lead = any(ids);
  update incident_step
  set reason = null,
    change = jsonb_set(change, '{incidents}', (
      select coalesce(jsonb_agg((
        select jsonb_agg(case when (side ->> 'lead')::uuid = any(ids) then side || '{"place": null}' else side end order by place)
        from jsonb_array_elements(pair) with ordinality as sides (side, place)
      ) order by turn), '[]')
      from jsonb_array_elements(change -> 'incidents') with ordinality as pairs (pair, turn)
    ))
  where complaints && ids;
  -- Said about several: it goes with the last of them.
  update incident_act a
  set text = null
  where text is not null
    and exists (select from incident_act_on o where o.act = a.id and o.complaint = any(ids))
    and not exists (
      select from incident_act_on o join complaint c on c.id = o.complaint
      where o.act = a.id and c.text <> ''
    );
  perform keep_words(ids);
  -- Words that nobody else used.
  delete from known_word k
  using unnest(said) as gone (stem)
  where k.word = gone.stem
    and not exists (select from complaint_words w where w.words @@ quote_literal(gone.stem)::tsquery);
end $$;

create function erase_attachments(files uuid[], at timestamptz) returns void language sql as $$
  insert into removed_file (key, since)
  select key, erase_attachments.at
  from attachment, unnest(array[original_key, public_key]) as key
  where id = any(files) and key is not null
  on conflict do nothing;
  update attachment
  set state = case state when 'refused' then 'refused' else 'missing' end, reason = 'removed', original_key = null, public_key = null, blob = null,
    filename = null, claimed_type = null, bytes = null, sha256 = null, width = null, height = null, look = null
  where id = any(files);
$$;

-- Photos that prove a result are not the citizen's.
create function erase_files(ids uuid[], at timestamptz) returns void language plpgsql as $$
begin
  perform erase_attachments(array(
    select a.id from attachment a join message m on m.id = a.message where m.complaint = any(ids)
    union all
    select a.id from attachment a where a.complaint = any(ids) and not exists (select from closing_photo p where p.attachment = a.id)
  ), at);
  delete from look_part where complaint = any(ids);
end $$;

-- Everything of these complaints.
create function erase_complaints(ids uuid[], at timestamptz) returns void language plpgsql as $$
begin
  perform erase_files(ids, at);
  perform erase_words(ids);
  perform erase_contact(ids);
end $$;

-- What nobody could read and opened no complaint, and what was said to it.
create function erase_unread(messages uuid[], at timestamptz) returns void language plpgsql as $$
begin
  perform erase_ways(array(select id from reply where complaint is null and cause = any(messages)));
  perform erase_talk(array(select id from reply where complaint is null and cause = any(messages)));
  perform erase_attachments(array(select id from attachment where message = any(messages)), at);
  perform erase_senders(messages);
  update message set text = '', place = null, lat = null, lon = null, cut = null where id = any(messages);
end $$;

create index citizen_merged on citizen (merged_into) where merged_into is not null;

-- Citizens of whom no complaint is left, with those that were found to be the same person: their name and addresses go too, and what they sent that
-- opened none. Who asked for silence is forgotten with the address. Answers how many they were.
create function erase_citizens(asked uuid[], at timestamptz) returns integer language plpgsql as $$
declare
  citizens uuid[];
  names text[];
begin
  citizens := array(
    with recursive one_person (id) as (
      select unnest(asked)
      union
      select citizen.id from citizen join one_person on citizen.merged_into = one_person.id
    )
    select id from one_person where not exists (select from complaint where complaint.citizen = one_person.id)
  );
  perform erase_unread(array(select id from message where citizen = any(citizens) and complaint is null), at);
  names := array(
    select address from citizen_address where citizen = any(citizens)
    union
    select address from former_address where citizen = any(citizens)
  );
  delete from opt_out where address = any(names);
  delete from block where address = any(names);
  delete from connect_try where address = any(names);
  delete from citizen_address where citizen = any(citizens);
  delete from former_address where citizen = any(citizens);
  delete from same_words where citizen = any(citizens);
  update citizen set name = null where id = any(citizens);
  return cardinality(citizens);
end $$;

-- With a complaint's words go the messages about its tasks, as the mails do: what a platform says of one may repeat an address. Nothing else changes.

create or replace function erase_words(ids uuid[]) returns void language plpgsql as $$
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
  delete from task_message using task where task_message.task = task.id and task.complaint = any(ids);
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

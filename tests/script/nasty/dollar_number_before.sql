SELECT 1$$;$$;

"""Who is stored twice: found by keys, scored with reasons, merged and taken apart again. Protects: nothing is lost."""

"""From policy to protected rows: the plan, consent, subjects, and applying each step."""

# What an admin of Redmine clicks once: mail from anybody becomes an issue of one project. Fed to `rails runner`.
raise "the default trackers are missing" if Tracker.none? || IssuePriority.none?
Setting.mail_handler_api_enabled = 1
Setting.mail_handler_api_key = ENV.fetch("COMPARE_KEY")
Setting.notified_events = [] # nobody is told of anything: the mail handler's own work alone
project = Project.new(name: "Aduan", identifier: "aduan", is_public: true)
project.trackers = Tracker.all
project.enabled_module_names = ["issue_tracking"]
project.save!
# Anybody may open an issue here, without an account.
Role.anonymous.add_permission! :add_issues
